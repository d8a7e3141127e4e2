-- MySQL's reading user, as its administrator, with the grants of docs/source.md; the second time nothing changes.
-- A hole is a name in its quotes; a statement of which a hole has no value is left out, and that is printed.
-- What `\` and quotes mean depends on it.
set session sql_mode = '';

-- By IAM (docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.DBAccounts.html):
create user if not exists '{iam_user}'@'%' identified with AWSAuthenticationPlugin as 'RDS' require ssl;
alter user '{iam_user}'@'%' require ssl;

-- By a password:
create user if not exists '{user}'@'%' identified by '{password}' require ssl;
alter user '{user}'@'%' identified by '{password}' require ssl;

grant select on `{database}`.* to '{either}'@'%';
grant lock tables on `{database}`.* to '{either}'@'%';
