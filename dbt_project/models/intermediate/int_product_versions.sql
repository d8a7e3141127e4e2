{{ dated_versions(ref('product_history'), 'product_id', ['product_name', 'category', 'seller_company', 'price']) }}
