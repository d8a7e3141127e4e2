-- Redshift's users and rights, as the administrator of the namespace; the second time nothing changes.
-- A hole is a name in its quotes; a statement of which a hole has no value is left out, and that is printed.
-- Users have no IF NOT EXISTS (docs.aws.amazon.com/redshift/latest/dg/r_CREATE_USER.html): one that is there is left.

-- Who loads and builds, and so owns what dbt and the loaders drop and make anew.
create user "{loader}" password disable;
alter user "{loader}" password '{loader_password}';
alter user "{loader}" session timeout 1800;
grant create on database "{database}" to "{loader}";
create schema if not exists "{raw}" authorization "{loader}";
alter schema "{raw}" owner to "{loader}";
create schema if not exists "{analytics}" authorization "{loader}";
alter schema "{analytics}" owner to "{loader}";

-- COPY reads the whole lake by the namespace's role, and until this is revoked every user may say COPY
-- (docs.aws.amazon.com/redshift/latest/dg/r_GRANT-usage-notes.html, "granting the ASSUMEROLE permission").
revoke assumerole on all from public for all;
grant assumerole on '{copy_role}' to "{loader}" for copy;

-- Who looks at marts: dbt grants them as it builds them, and nothing else is granted.
create user "{reader}" password disable;
alter user "{reader}" password '{reader_password}';
alter user "{reader}" session timeout 1800;

-- Who develops: reads raw and writes to schemas of its own.
create group "{developers}";
grant create on database "{database}" to group "{developers}";
grant usage on schema "{raw}" to group "{developers}";
grant select on all tables in schema "{raw}" to group "{developers}";
-- A table that is reshaped is a new one, on which nothing was granted.
alter default privileges for user "{loader}" in schema "{raw}" grant select on tables to group "{developers}";
create user "{pull_requests}" password disable;
alter user "{pull_requests}" session timeout 1800;
alter group "{developers}" add user "{pull_requests}";
