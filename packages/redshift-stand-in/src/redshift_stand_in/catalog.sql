-- What Redshift has and PostgreSQL has not: run once in the database, as superuser, with allow_system_table_mods on.

-- what the stand-in remembers
create table pg_catalog.rs_options (relid oid primary key, dist_style text, sort_keys text[]);
create table pg_catalog.rs_widths (relid oid, name name, width int, primary key (relid, name));
create table pg_catalog.rs_views (sch name, name name, late boolean, definition text, owner name default session_user, primary key (sch, name));
create table pg_catalog.rs_copies (query_id bigint, ended_at timestamp, table_name text, row_count bigint, status text, error text);
create table pg_catalog.rs_load_errors (query_id bigint, session int, started_at timestamp, file_name text, message text, detail text);

create function pg_catalog.rs_relation(p text) returns oid language plpgsql as $$
declare parts text[] := parse_ident(p);
begin
    if cardinality(parts) = 3 then parts := parts[2:3]; end if;
    return to_regclass(array_to_string(array(select quote_ident(x) from unnest(parts) x), '.'));
end $$;

-- dist and sort keys must name columns that are there
create function pg_catalog.rs_set_options(p text, style text, keys text[]) returns void language plpgsql security definer as $$
declare
    relation oid := rs_relation(p);
    wanted text;
begin
    foreach wanted in array keys || case when style like 'KEY(%' then array[substr(style, 5, length(style) - 5)] else '{}'::text[] end loop
        if not exists (select 1 from pg_attribute where attrelid = relation and attname = wanted and attnum > 0 and not attisdropped) then
            raise exception 'column "%" named in distkey or sortkey does not exist', wanted using errcode = '42703';
        end if;
    end loop;
    insert into rs_options values (relation, style, keys)
    on conflict (relid) do update set dist_style = style, sort_keys = keys;
end $$;

-- VARCHAR(n) and VARBYTE(n) count bytes
create function pg_catalog.rs_fits(v text, n int) returns boolean language plpgsql immutable as $$
begin
    if octet_length(v) > n then
        raise exception 'value too long for type character varying(%)', n using errcode = '22001';
    end if;
    return true;
end $$;
create function pg_catalog.rs_fits(v bytea, n int) returns boolean language plpgsql immutable as $$
begin
    if octet_length(v) > n then raise exception 'value too long for type varbyte(%)', n using errcode = '22001'; end if;
    return true;
end $$;
create function pg_catalog.rs_set_width(p text, c text, n int) returns void language plpgsql security definer as $$
begin
    if n > 16777216 then raise exception 'length for type varbyte cannot exceed 16777216' using errcode = '22023'; end if;
    insert into rs_widths values (rs_relation(p), c, n) on conflict (relid, name) do update set width = n;
    execute format('alter table %s drop constraint if exists %I', rs_relation(p)::regclass, 'rs_varbyte_' || c);
    execute format('alter table %s add constraint %I check (rs_fits(%I, %s))', rs_relation(p)::regclass, 'rs_varbyte_' || c, c, n);
end $$;
-- r_ALTER_TABLE: a VARCHAR and a VARBYTE change their size, and nothing changes its type
create function pg_catalog.rs_check_resize(p text, c text, wanted text) returns void language plpgsql security definer as $$
begin
    if exists (select 1 from pg_attribute where attrelid = rs_relation(p) and attname = c and atttypid <> wanted::regtype) then
        raise exception 'target data type is not supported: only the size of a VARCHAR or a VARBYTE can be altered' using errcode = '0A000';
    end if;
end $$;
-- A query as PostgreSQL has read it: of a view that is made and unmade. What no view can be made of is not judged.
create function pg_catalog.rs_tree(query text) returns text language plpgsql as $$
declare tree text;
begin
    begin
        execute 'create temp view rs_judged as select 1 as one from (' || query || ') as judged';
        select ev_action into tree from pg_rewrite where ev_class = 'pg_temp.rs_judged'::regclass;
        raise exception 'enough' using errcode = 'RS001';
    exception when others then null;
    end;
    return coalesce(tree, '');
end $$;
-- "Only one cursor at a time can be open per session" (page `declare`)
create function pg_catalog.rs_one_cursor() returns void language plpgsql as $$
declare open text := (select min(name) from pg_cursors where statement ~* '^\s*declare');
begin
    if open is not null then
        raise exception 'cursor "%" is open already: only one cursor at a time can be open per session', open using errcode = '0A000';
    end if;
end $$;
create function pg_catalog.rs_on_ddl() returns event_trigger language plpgsql security definer as $$
declare r record; outgrown text;
begin
    if current_setting('redshift.in_trigger', true) = '1' then return; end if;
    -- r_CREATE_TABLE_NEW: names of system columns; PostgreSQL itself refuses those that it has too.
    for r in
        select a.attname
        from pg_event_trigger_ddl_commands() e
        join pg_class c on c.oid = e.objid and e.classid = 'pg_class'::regclass and c.relkind = 'r'
        join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where a.attname in ('oid', 'deletexid', 'insertxid')
    loop
        raise exception 'column name "%" conflicts with a system column name', r.attname using errcode = '42701';
    end loop;
    perform set_config('redshift.in_trigger', '1', true);
    for r in
        select n.nspname, c.relname, c.oid, a.attname, a.attnum, a.atttypmod - 4 as width, a.atttypid
        from pg_event_trigger_ddl_commands() e
        join pg_class c on c.oid = e.objid and e.classid = 'pg_class'::regclass and c.relkind = 'r'
        join pg_namespace n on n.oid = c.relnamespace
        join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.atttypid in (25, 1043)
        where n.nspname <> 'pg_catalog'
            and not exists (select 1 from pg_constraint k where k.conrelid = c.oid and k.conname = 'rs_' || a.attnum || '_' || (a.atttypmod - 4))
    loop
        if r.width > 65535 then
            raise exception 'length for type varchar cannot exceed 65535' using errcode = '22023';
        elsif r.atttypid = 25 or r.width < 0 then
            execute format('alter table %I.%I alter column %I type varchar(65535)', r.nspname, r.relname, r.attname);
        else
            for outgrown in select conname from pg_constraint where conrelid = r.oid and conname like 'rs\_' || r.attnum || '\_%' loop
                execute format('alter table %I.%I drop constraint %I', r.nspname, r.relname, outgrown);
            end loop;
            execute format('alter table %I.%I add constraint %I check (rs_fits(%I, %s))',
                r.nspname, r.relname, 'rs_' || r.attnum || '_' || r.width, r.attname, r.width);
        end if;
    end loop;
    perform set_config('redshift.in_trigger', '', true);
end $$;
create event trigger rs_on_ddl on ddl_command_end
when tag in ('CREATE TABLE', 'CREATE TABLE AS', 'ALTER TABLE') execute function pg_catalog.rs_on_ddl();

-- blanks at the end of a VARCHAR do not count when it is compared: PostgreSQL's functions for CHAR do just that, and see
-- the same bytes. What `||` makes is text, which is compared byte by byte; in Redshift it is VARCHAR like all the rest.
create function pg_catalog.rs_eq(varchar, varchar) returns boolean language internal immutable strict parallel safe as 'bpchareq';
create function pg_catalog.rs_ne(varchar, varchar) returns boolean language internal immutable strict parallel safe as 'bpcharne';
create function pg_catalog.rs_lt(varchar, varchar) returns boolean language internal immutable strict parallel safe as 'bpcharlt';
create function pg_catalog.rs_le(varchar, varchar) returns boolean language internal immutable strict parallel safe as 'bpcharle';
create function pg_catalog.rs_gt(varchar, varchar) returns boolean language internal immutable strict parallel safe as 'bpchargt';
create function pg_catalog.rs_ge(varchar, varchar) returns boolean language internal immutable strict parallel safe as 'bpcharge';
create function pg_catalog.rs_cmp(varchar, varchar) returns int language internal immutable strict parallel safe as 'bpcharcmp';
create function pg_catalog.rs_hash(varchar) returns int language internal immutable strict parallel safe as 'hashbpchar';
create operator pg_catalog.= (
    leftarg = varchar, rightarg = varchar, function = rs_eq, commutator = =, negator = <>, restrict = eqsel, join = eqjoinsel, hashes, merges);
create operator pg_catalog.<> (
    leftarg = varchar, rightarg = varchar, function = rs_ne, commutator = <>, negator = =, restrict = neqsel, join = neqjoinsel);
create operator pg_catalog.< (
    leftarg = varchar, rightarg = varchar, function = rs_lt, commutator = >, negator = >=, restrict = scalarltsel, join = scalarltjoinsel);
create operator pg_catalog.<= (
    leftarg = varchar, rightarg = varchar, function = rs_le, commutator = >=, negator = >, restrict = scalarlesel, join = scalarlejoinsel);
create operator pg_catalog.> (
    leftarg = varchar, rightarg = varchar, function = rs_gt, commutator = <, negator = <=, restrict = scalargtsel, join = scalargtjoinsel);
create operator pg_catalog.>= (
    leftarg = varchar, rightarg = varchar, function = rs_ge, commutator = <=, negator = <, restrict = scalargesel, join = scalargejoinsel);
create operator class pg_catalog.rs_varchar_ops default for type varchar using btree as
    operator 1 <, operator 2 <=, operator 3 =, operator 4 >=, operator 5 >, function 1 rs_cmp(varchar, varchar);
create operator class pg_catalog.rs_varchar_ops default for type varchar using hash as operator 1 =, function 1 rs_hash(varchar);

-- late-binding views outlive their tables: PostgreSQL's DROP ... CASCADE takes them, so they are made again when they can be
create function pg_catalog.rs_keep_view(p text, is_late boolean, text_of_it text) returns void language plpgsql security definer as $$
declare parts text[] := parse_ident(p);
begin
    parts := parts[greatest(1, cardinality(parts) - 1):cardinality(parts)];
    insert into rs_views values (case when cardinality(parts) = 2 then parts[1] else current_schema() end, parts[cardinality(parts)], is_late, text_of_it)
    on conflict (sch, name) do update set late = is_late, definition = text_of_it;
end $$;
create function pg_catalog.rs_drop_view(p text) returns void language plpgsql security definer as $$
declare parts text[] := parse_ident(p);
begin
    parts := parts[greatest(1, cardinality(parts) - 1):cardinality(parts)];
    delete from rs_views where name = parts[cardinality(parts)] and (cardinality(parts) = 1 or sch = parts[1]);
end $$;
create function pg_catalog.rs_rename_view(p text, n text) returns void language plpgsql security definer as $$
declare parts text[] := parse_ident(p);
begin
    parts := parts[greatest(1, cardinality(parts) - 1):cardinality(parts)];
    delete from rs_views where sch = parts[1] and name = n;
    update rs_views
    set name = n, definition = regexp_replace(definition, '(view\s+(?:\S+\.)?"?)' || parts[cardinality(parts)] || '("?)', '\1' || n || '\2', 'i')
    where sch = parts[1] and name = parts[cardinality(parts)];
end $$;
create function pg_catalog.rs_release_views(p text) returns void language plpgsql security definer as $$
declare r record;
begin
    for r in
        select distinct v.oid::regclass::text as name
        from pg_depend d
        join pg_rewrite w on w.oid = d.objid and d.classid = 'pg_rewrite'::regclass
        join pg_class v on v.oid = w.ev_class
        join pg_namespace n on n.oid = v.relnamespace
        join rs_views k on k.sch = n.nspname and k.name = v.relname and k.late
        where d.refobjid = rs_relation(p)
    loop
        execute 'drop view if exists ' || r.name || ' cascade';
    end loop;
end $$;
create function pg_catalog.rs_restore_views() returns void language plpgsql security definer as $$
declare
    r record;
    made boolean := true;
begin
    while made loop -- a view may stand on one that comes later in the list
        made := false;
        for r in select * from rs_views where late and to_regclass(quote_ident(sch) || '.' || quote_ident(name)) is null loop
            begin
                -- Another session may just have dropped or renamed it, or be making it: then it is not ours to make.
                perform 1 from rs_views where sch = r.sch and name = r.name for update nowait;
                execute r.definition;
                execute format('alter view %I.%I owner to %I', r.sch, r.name, r.owner);
                made := true;
            exception when others then null; -- its table is not there yet
            end;
        end loop;
    end loop;
end $$;
-- A late-binding view depends on nothing there; dbt reads pg_depend to know what a DROP ... CASCADE takes.
create view pg_catalog.rs_depend as
select d.*
from pg_depend d
where not exists (
    select 1
    from pg_rewrite w
    join pg_class v on v.oid = w.ev_class
    join pg_namespace n on n.oid = v.relnamespace
    join rs_views k on k.sch = n.nspname and k.name = v.relname and k.late
    where d.classid = 'pg_rewrite'::regclass and w.oid = d.objid
);
create function pg_catalog.pg_get_late_binding_view_cols() returns setof record language sql stable as $$
    select v.sch, v.name, a.attname, format_type(a.atttypid, a.atttypmod)::varchar, a.attnum::int
    from rs_views v
    join pg_namespace n on n.nspname = v.sch
    join pg_class c on c.relname = v.name and c.relnamespace = n.oid
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where v.late $$;

-- users and groups: PostgreSQL's roles, and what these have not. A superuser is a member of all others.
create table pg_catalog.rs_users (name text primary key, password text, until timestamptz, timeout int, superuser boolean not null default false);
create table pg_catalog.rs_assumes (role text, grantee text, kind text, primary key (role, grantee, kind));
-- Until a superuser revokes it, everybody may use every role (r_GRANT-usage-notes, "Usage notes for granting the ASSUMEROLE permission").
insert into pg_catalog.rs_assumes select 'ALL', 'public', unnest(array['COPY', 'UNLOAD', 'EXTERNAL FUNCTION', 'CREATE MODEL']);
create function pg_catalog.rs_is_superuser() returns boolean language sql stable security definer as $$
    select session_user = 'postgres' or exists (select 1 from rs_users where name = session_user and superuser) $$;
create function pg_catalog.rs_only_superusers(what text) returns void language plpgsql as $$
begin
    if not rs_is_superuser() then raise exception 'must be superuser to %', what using errcode = '42501'; end if;
end $$;
create function pg_catalog.rs_keep_user(who text, o jsonb) returns void language plpgsql security definer as $$
begin
    perform rs_only_superusers('alter users');
    if o ? 'password' and o->>'password' is null and coalesce((o->>'superuser')::boolean, (select superuser from rs_users where name = who)) then
        raise exception 'cannot disable the password of a superuser' using errcode = '42501';
    end if;
    insert into rs_users (name) values (who) on conflict do nothing;
    if o ? 'password' then
        update rs_users set password = case when o->>'password' ~ '^md5[0-9a-f]{32}$' then o->>'password'
            else 'md5' || md5((o->>'password') || who) end where name = who;
    end if;
    if o ? 'until' then update rs_users set until = (o->>'until')::timestamptz where name = who; end if;
    if o ? 'timeout' then update rs_users set timeout = (o->>'timeout')::int where name = who; end if;
    if o ? 'connections' then execute format('alter role %I connection limit %s', who, o->>'connections'); end if;
    if o ? 'createdb' then execute format('alter role %I %s', who, case when (o->>'createdb')::boolean then 'createdb' else 'nocreatedb' end); end if;
    if o ? 'superuser' then
        update rs_users set superuser = (o->>'superuser')::boolean where name = who;
        if (o->>'superuser')::boolean then
            execute format('revoke %I from admin', who);
            execute format('grant admin to %I', who);
        else
            execute format('revoke admin from %I', who);
            execute format('grant %I to admin', who);
        end if;
    end if;
end $$;
create function pg_catalog.rs_create_user(who text, o jsonb, groups text[]) returns void language plpgsql security definer as $$
declare each text;
begin
    perform rs_only_superusers('create users');
    if who = 'public' then raise exception 'user name "public" is reserved' using errcode = '42939'; end if;
    if exists (select 1 from pg_roles where rolname = who) then
        raise exception 'user "%" already exists', who using errcode = '42710';
    end if;
    execute format('create role %I login', who);
    execute format('grant %I to admin', who);
    perform rs_keep_user(who, o);
    foreach each in array groups loop execute format('grant %I to %I', each, who); end loop;
end $$;
create function pg_catalog.rs_alter_user(who text, o jsonb, groups text[]) returns void language plpgsql security definer as $$
begin
    if not exists (select 1 from pg_roles where rolname = who and rolcanlogin) then
        raise exception 'user "%" does not exist', who using errcode = '42704';
    end if;
    perform rs_keep_user(who, o);
end $$;
create function pg_catalog.rs_create_group(which text, members text[], is_out boolean) returns void language plpgsql security definer as $$
begin
    perform rs_only_superusers('create groups');
    if exists (select 1 from pg_roles where rolname = which) then
        raise exception 'group "%" already exists', which using errcode = '42710';
    end if;
    execute format('create role %I nologin', which);
    perform rs_alter_group(which, members, false);
end $$;
create function pg_catalog.rs_alter_group(which text, members text[], is_out boolean) returns void language plpgsql security definer as $$
declare each text;
begin
    perform rs_only_superusers('alter groups');
    if not exists (select 1 from pg_roles where rolname = which and not rolcanlogin) then
        raise exception 'group "%" does not exist', which using errcode = '42704';
    end if;
    foreach each in array members loop
        execute format(case when is_out then 'revoke %I from %I' else 'grant %I to %I' end, which, each);
    end loop;
end $$;
create function pg_catalog.rs_drop_roles(gone text[], missing_ok boolean) returns void language plpgsql security definer as $$
declare each text;
begin
    perform rs_only_superusers('drop users');
    foreach each in array gone loop
        execute format('drop role %s %I', case when missing_ok then 'if exists' else '' end, each);
        delete from rs_users where name = each;
        delete from rs_assumes where grantee = each;
    end loop;
end $$;
create function pg_catalog.rs_assume(is_grant boolean, roles text[], grantees text[], kinds text[]) returns void language plpgsql security definer as $$
begin
    perform rs_only_superusers('grant or revoke ASSUMEROLE');
    if is_grant then
        insert into rs_assumes select r, g, k from unnest(roles) r, unnest(grantees) g, unnest(kinds) k on conflict do nothing;
    else
        delete from rs_assumes where ('ALL' = any(roles) or role = any(roles)) and grantee = any(grantees) and kind = any(kinds);
    end if;
end $$;
create function pg_catalog.rs_may_assume(which text, what text) returns boolean language sql stable security definer as $$
    select rs_is_superuser() or exists (
        select 1 from rs_assumes left join pg_roles on rolname = grantee
        where role in ('ALL', which) and kind = what and (grantee = 'public' or pg_has_role(session_user, pg_roles.oid, 'member'))) $$;
-- Whom IAM knows and the database does not is made at the first log-in, with no right (redshift-serverless GetCredentials).
create function pg_catalog.rs_let_in(who text) returns void language plpgsql as $$
begin
    if not exists (select 1 from pg_roles where rolname = who) then perform rs_create_user(who, '{"password": null}', '{}'); end if;
end $$;

-- COPY
create function pg_catalog.rs_copied(n bigint, id bigint) returns void language sql as $$
    select set_config('redshift.last_copy_count', n::text, false), set_config('redshift.last_copy_id', id::text, false) $$;
create function pg_catalog.rs_record_copy(id bigint, p text, n bigint) returns void language sql security definer as $$
    insert into rs_copies values (id, now() at time zone 'utc', p, n, 'completed', null) $$;
create function pg_catalog.rs_record_error(id bigint, s int, f text, m text, d text) returns void language sql security definer as $$
    insert into rs_load_errors values (id, s, now() at time zone 'utc', f, m, d) $$;
create function pg_catalog.pg_last_copy_count() returns bigint language sql stable as $$
    select coalesce(nullif(current_setting('redshift.last_copy_count', true), ''), '0')::bigint $$;
create function pg_catalog.pg_last_copy_id() returns bigint language sql stable as $$
    select coalesce(nullif(current_setting('redshift.last_copy_id', true), ''), '-1')::bigint $$;
create view pg_catalog.sys_load_error_detail as
select
    query_id, session as session_id, started_at as start_time, file_name::varchar as file_name, 0::bigint as line_number,
    coalesce(substring(detail from 'column ''([^'']+)'''), substring(detail from 'column (\S+) '), '')::varchar as column_name,
    15007 as error_code, message::varchar as error_message
from pg_catalog.rs_load_errors;
create view pg_catalog.stl_load_errors as
select query_id::int as query, session, started_at as starttime, file_name::char(256) as filename, 0::bigint as line_number,
    ''::char(127) as colname, ''::char(1024) as raw_field_value, 15007 as err_code, message::char(100) as err_reason
from pg_catalog.rs_load_errors;
create view pg_catalog.sys_load_history as
select query_id, ended_at as start_time, ended_at as end_time, status::varchar as status, table_name::varchar as table_name,
    row_count as loaded_rows, error::varchar as error_message
from pg_catalog.rs_copies;

-- system views that dbt-redshift reads
-- Of SYS_QUERY_DETAIL, which `dbt source freshness` asks in vain where a source says itself when it was loaded.
create view pg_catalog.sys_query_detail as
select null::bigint as query_id, null::text as step_name, null::oid as table_id, null::timestamp as start_time,
    null::timestamp as end_time where false;
create view pg_catalog.svv_table_info as
select
    current_database()::varchar as database, n.nspname::varchar as schema, c.oid as table_id, c.relname::varchar as "table",
    'Y, AUTO(ENCODE)'::varchar as encoded, coalesce(o.dist_style, 'AUTO(ALL)')::varchar as diststyle,
    coalesce(o.sort_keys[1], 'AUTO(SORTKEY)')::varchar as sortkey1,
    coalesce((select max(a.atttypmod - 4) from pg_attribute a where a.attrelid = c.oid and a.atttypid = 1043 and a.atttypmod > 4), 0) as max_varchar,
    'none'::char(32) as sortkey1_enc, coalesce(cardinality(o.sort_keys), 0) as sortkey_num,
    greatest(1, pg_total_relation_size(c.oid) / 1048576)::bigint as size, 0.0001::numeric(10, 4) as pct_used, 0::bigint as empty,
    null::numeric(5, 2) as unsorted, 0::numeric(5, 2) as stats_off, greatest(c.reltuples, 0)::numeric(38, 0) as tbl_rows,
    null::numeric(19, 2) as skew_sortkey1, null::numeric(19, 2) as skew_rows
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.rs_options o on o.relid = c.oid
where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_t';
create view pg_catalog.svv_redshift_columns as
select
    table_catalog::varchar as database_name, table_schema::varchar as schema_name, table_name::varchar as table_name,
    column_name::varchar as column_name, ordinal_position::int as ordinal_position,
    case when character_maximum_length is not null then data_type || '(' || character_maximum_length || ')' else data_type end::varchar as data_type,
    column_default::varchar, is_nullable::varchar, 'none'::varchar as encoding, false as distkey, 0 as sortkey, null::varchar as column_acl,
    col_description((quote_ident(table_schema) || '.' || quote_ident(table_name))::regclass, ordinal_position)::varchar as remarks
from information_schema.columns
where table_schema not in ('pg_catalog', 'information_schema');
create view pg_catalog.svv_external_columns as
select null::varchar as schemaname, null::varchar as tablename, null::varchar as columnname, null::varchar as external_type,
    0 as columnnum, 0 as part_key, null::varchar as is_nullable
where false;
create view pg_catalog.svv_external_tables as
select null::varchar as schemaname, null::varchar as tablename, null::varchar as location where false;
create view pg_catalog.svv_tables as
select table_catalog::varchar, table_schema::varchar, table_name::varchar, table_type::varchar from information_schema.tables;
create view pg_catalog.svv_columns as select * from information_schema.columns;
create view pg_catalog.svv_all_tables as
select table_catalog::varchar as database_name, table_schema::varchar as schema_name, table_name::varchar as table_name,
    case when table_type = 'VIEW' then 'VIEW' else 'TABLE' end::varchar as table_type
from information_schema.tables;
create view pg_catalog.svv_redshift_schemas as
select current_database()::varchar as database_name, nspname::varchar as schema_name from pg_namespace;
create view pg_catalog.svv_relation_privileges as
select
    table_schema::varchar as namespace_name, table_name::varchar as relation_name, lower(privilege_type)::varchar as privilege_type,
    case when grantee = 'PUBLIC' then 'public' else 'user' end::varchar as identity_type, grantee::varchar as identity_name,
    0 as identity_id, false as admin_option
from information_schema.table_privileges;
create view pg_catalog.stv_inflight as select 0 as userid, 0 as query, 0 as pid, ''::varchar as text where false;
grant select on all tables in schema pg_catalog to public;
revoke all on pg_catalog.rs_copies, pg_catalog.rs_load_errors, pg_catalog.rs_users, pg_catalog.rs_assumes from public;

create function pg_catalog.rs_show_schemas(d text)
returns table (database_name varchar, schema_name varchar, schema_owner int, schema_type varchar, schema_acl varchar, source_database varchar, schema_option varchar)
language sql stable as $$
    select d::varchar, nspname::varchar, nspowner::int, 'local'::varchar, null::varchar, null::varchar, null::varchar
    from pg_namespace where nspname !~ '^pg_t' $$;
create function pg_catalog.rs_show_tables(s text)
returns table (database_name varchar, schema_name varchar, table_name varchar, table_type varchar, table_acl varchar, remarks varchar, owner varchar, table_subtype varchar)
language sql stable as $$
    select current_database()::varchar, n.nspname::varchar, c.relname::varchar, case when c.relkind = 'r' then 'TABLE' else 'VIEW' end::varchar,
        null::varchar, obj_description(c.oid, 'pg_class')::varchar, pg_get_userbyid(c.relowner)::varchar,
        case when c.relkind = 'r' then 'REGULAR TABLE' when coalesce(v.late, false) then 'LATE BINDING VIEW' else 'REGULAR VIEW' end::varchar
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    left join rs_views v on v.sch = n.nspname and v.name = c.relname
    where c.relkind in ('r', 'v') and n.nspname = s $$;
create function pg_catalog.rs_show_columns(s text, t text)
returns table (database_name varchar, schema_name varchar, table_name varchar, column_name varchar, ordinal_position int, column_default varchar, is_nullable varchar,
    data_type varchar, character_maximum_length int, numeric_precision int, numeric_scale int, remarks varchar)
language sql stable as $$
    select table_catalog::varchar, table_schema::varchar, table_name::varchar, column_name::varchar, ordinal_position::int, column_default::varchar,
        is_nullable::varchar, data_type::varchar, character_maximum_length::int, numeric_precision::int, numeric_scale::int, null::varchar
    from information_schema.columns where table_schema = s and table_name = t order by 5 $$;
create function pg_catalog.rs_show_grants(s text, t text)
returns table (database_name varchar, schema_name varchar, object_name varchar, object_type varchar, privilege_type varchar, identity_id int, identity_name varchar,
    identity_type varchar, admin_option boolean, privilege_scope varchar, grantor_name varchar)
language sql stable as $$
    select table_catalog::varchar, table_schema::varchar, table_name::varchar, 'TABLE'::varchar, privilege_type::varchar, 0, grantee::varchar,
        'user'::varchar, false, 'TABLE'::varchar, grantor::varchar
    from information_schema.table_privileges where table_schema = s and table_name = t $$;

-- functions
create function pg_catalog.rs_version() returns text language sql as $$
    select 'PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2 20041017 (Red Hat 3.4.2-6.fc3), Redshift 1.0.0 (local stand-in)'::text $$;
create function pg_catalog.getdate() returns timestamp language sql stable as $$ select date_trunc('second', clock_timestamp() at time zone 'UTC') $$;
create function pg_catalog.sysdate() returns timestamp language sql stable as $$ select now() at time zone 'UTC' $$;
create function pg_catalog.date_trunc(text, date) returns timestamp language sql immutable as $$ select date_trunc($1, $2::timestamp) $$;
create function pg_catalog.dateadd(p text, n bigint, t timestamp) returns timestamp language sql immutable as $$
    select case when p = 'quarter' then t + n * interval '3 months' else t + n * ('1 ' || p)::interval end $$;
create function pg_catalog.dateadd(p text, n bigint, t timestamptz) returns timestamptz language sql stable as $$
    select case when p = 'quarter' then t + n * interval '3 months' else t + n * ('1 ' || p)::interval end $$;
create function pg_catalog.dateadd(p text, n bigint, t date) returns timestamp language sql immutable as $$ select dateadd(p, n, t::timestamp) $$;
-- boundaries crossed, not time elapsed
create function pg_catalog.datediff(p text, a timestamp, b timestamp) returns bigint language sql immutable as $$
    select case p
        when 'year' then extract(year from b) - extract(year from a)
        when 'quarter' then (extract(year from b) - extract(year from a)) * 4 + extract(quarter from b) - extract(quarter from a)
        when 'month' then (extract(year from b) - extract(year from a)) * 12 + extract(month from b) - extract(month from a)
        when 'week' then (date_trunc('week', b + interval '1 day')::date - date_trunc('week', a + interval '1 day')::date) / 7
        when 'day' then b::date - a::date
        when 'hour' then extract(epoch from date_trunc('hour', b) - date_trunc('hour', a)) / 3600
        when 'minute' then extract(epoch from date_trunc('minute', b) - date_trunc('minute', a)) / 60
        when 'second' then extract(epoch from date_trunc('second', b) - date_trunc('second', a))
        when 'millisecond' then extract(epoch from b - a) * 1000
        when 'microsecond' then extract(epoch from b - a) * 1000000
    end::bigint $$;
create function pg_catalog.datediff(p text, a timestamptz, b timestamptz) returns bigint language sql stable as $$
    select datediff(p, a at time zone 'UTC', b at time zone 'UTC') $$;
create function pg_catalog.datediff(p text, a date, b date) returns bigint language sql immutable as $$ select datediff(p, a::timestamp, b::timestamp) $$;
create function pg_catalog.last_day(t timestamp) returns date language sql immutable as $$ select (date_trunc('month', t) + interval '1 month - 1 day')::date $$;
create function pg_catalog.trunc(t timestamp) returns date language sql immutable as $$ select t::date $$;
create function pg_catalog.convert_timezone(s text, d text, t timestamp) returns timestamp language sql stable as $$ select t at time zone s at time zone d $$;
create function pg_catalog.convert_timezone(d text, t timestamp) returns timestamp language sql stable as $$ select t at time zone 'UTC' at time zone d $$;
create function pg_catalog.charindex(a text, b text) returns int language sql immutable as $$ select strpos(b, a) $$;
create function pg_catalog.sha2(t text, bits int) returns text language sql immutable as $$
    select encode(case bits when 224 then sha224(convert_to(t, 'UTF8')) when 384 then sha384(convert_to(t, 'UTF8'))
        when 512 then sha512(convert_to(t, 'UTF8')) when 256 then sha256(convert_to(t, 'UTF8')) end, 'hex') $$;
create function pg_catalog.strtol(t text, base int) returns bigint language plpgsql immutable as $$ begin
    if base <> 16 then raise exception 'strtol: the stand-in knows base 16 only' using errcode = '0A000'; end if;
    return ('x' || lpad(t, 16, '0'))::bit(64)::bigint; end $$;
create function pg_catalog.to_hex(b bytea) returns text language sql immutable as $$ select encode(b, 'hex') $$;
create function pg_catalog.from_hex(t text) returns bytea language sql immutable as $$ select decode(t, 'hex') $$;

-- AVG of whole numbers is a whole number
create function pg_catalog.rs_avg_final(s bigint[]) returns bigint language sql immutable as $$ select case when s[2] > 0 then s[1] / s[2] end $$;
create function pg_catalog.rs_avg_step(s bigint[], x bigint) returns bigint[] language sql immutable as $$
    select case when x is null then s else array[s[1] + x, s[2] + 1] end $$;
create function pg_catalog.rs_avg_step(s bigint[], x integer) returns bigint[] language sql immutable as $$ select rs_avg_step(s, x::bigint) $$;
create function pg_catalog.rs_avg_step(s bigint[], x smallint) returns bigint[] language sql immutable as $$ select rs_avg_step(s, x::bigint) $$;
create aggregate pg_catalog.rs_avg(bigint) (sfunc = rs_avg_step, stype = bigint[], finalfunc = rs_avg_final, initcond = '{0,0}');
create aggregate pg_catalog.rs_avg(integer) (sfunc = rs_avg_step, stype = bigint[], finalfunc = rs_avg_final, initcond = '{0,0}');
create aggregate pg_catalog.rs_avg(smallint) (sfunc = rs_avg_step, stype = bigint[], finalfunc = rs_avg_final, initcond = '{0,0}');
create aggregate pg_catalog.rs_avg(numeric) (sfunc = numeric_avg_accum, stype = internal, finalfunc = numeric_avg);
create aggregate pg_catalog.rs_avg(double precision) (sfunc = float8_accum, stype = float8[], finalfunc = float8_avg, initcond = '{0,0,0}');
