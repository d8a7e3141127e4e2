// Data: what dashboard/packing.py and cubes.py packed, unpacked.

async function inflated(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The header's own keys, and its tables as { table: { column: Float64Array } }; where the orders are here, the others are made of them. */
async function unpacked(base64) {
  const bytes = await inflated(base64);
  const length = new DataView(bytes.buffer).getUint32(0);
  const shop = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  let position = 4 + length;
  for (const columns of Object.values(shop.tables)) {
    for (const [name, { base, width, count }] of Object.entries(columns)) {
      const values = new Float64Array(count).fill(base);
      for (let plane = 0; plane < width; plane++) {
        const weight = 256 ** plane;
        for (let row = 0; row < count; row++) values[row] += weight * bytes[position + row];
        position += count;
      }
      columns[name] = values;
    }
  }
  return { ...shop, ...(shop.tables.orders ? ofOrders(shop.tables) : shop.tables) };
}

/** The tables as a big shop has them, with a row for each order. */
function ofOrders({ people, goods, orders: table }) {
  const { customer, product } = table;
  const of = (column, member) => column.map((_, row) => member[column[row]]);
  table.id.forEach((step, row) => { if (row) table.id[row] = table.id[row - 1] + step; });
  const orders = { ...table, orders: table.period.map(() => 1), country: of(customer, people.country), level: of(customer, people.level),
    category: of(product, goods.category) };
  return { people, goods, orders, customers: orders, products: orders, deliveries: orders };
}

/** Run the charts' library from its packed text; the page's policy lets this one text run, by its hash. */
async function loadLibrary() {
  const script = document.createElement("script");
  script.textContent = new TextDecoder().decode(await inflated(document.getElementById("library").textContent));
  document.head.append(script);
}
