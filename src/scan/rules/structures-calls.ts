import type { Rule } from '../engine/index.ts'

/** Passwords that statements, programs and calls are given by their place: no name stands before them. */
export const structuresCallsRules: readonly Rule[] = [
  {
    id: 'sql-user-password',
    title: 'Password of a database user in SQL',
    vendor: 'SQL',
    source: 'https://dev.mysql.com/doc/refman/8.4/en/create-user.html',
    keywords: ['IDENTIFIED BY', 'IDENTIFIED WITH', " PASSWORD '", 'SET PASSWORD'],
    ignoreCase: true,
    pattern:
      "(?:\\bidentified (?:with [\"'`]?[a-z0-9_]{1,40}[\"'`]? )?by (?:password )?[\"']|\\b(?:create|alter) (?:user|role|group) [^;'\\r\\n]{1,120} password [']|\\bset password (?:for [^;=\\r\\n]{1,120})?= {0,2}(?:password\\()?[\"'])([^\"'\\s<>{}$%*][^\"'\\s<>{}]{3,127})[\"']",
    general: true,
    confidence: 'likely',
    check: 'password',
    revoke: 'ALTER USER name, with another password.',
    examples: {
      positive: [
        "CREATE USER 'app'@'%' IDENTIFIED BY '{alnum:14}!';",
        "alter user svc identified with mysql_native_password by '{alnum:12}{digits:2}';",
        "CREATE ROLE svc LOGIN PASSWORD '{alnum:14}{digits:2}';",
        "CREATE USER svc WITH ENCRYPTED PASSWORD '{alnum:14}{digits:2}';",
        "SET PASSWORD FOR 'app'@'%' = PASSWORD('{alnum:14}{digits:2}');",
      ],
      negative: [
        "CREATE USER 'app'@'%' IDENTIFIED BY 'password';",
        "CREATE USER app IDENTIFIED BY '${{DB_PASSWORD}';",
        "CREATE USER app WITH PASSWORD '%s';",
        "CREATE USER app IDENTIFIED BY '<password>'",
        'ALTER USER app PASSWORD EXPIRE',
      ],
    },
  },
  {
    id: 'redis-command-password',
    title: 'Redis password on the command line',
    vendor: 'Redis',
    source: 'https://redis.io/docs/latest/develop/tools/cli/',
    keywords: ['redis-cli', 'valkey-cli'],
    pattern:
      '(?:redis|valkey)-cli(?:[ ][^\\r\\n|;&]{0,120})?[ ](?:-a|--pass)[ =]["\']?([^\\s"\'<>{}$%*][^\\s"\'<>{}]{3,127})',
    general: true,
    confidence: 'likely',
    check: 'password',
    connection: 'redis',
    revoke: 'ACL SETUSER, or requirepass in redis.conf.',
    examples: {
      positive: ['redis-cli -h db -a {alnum:16} ping', "valkey-cli --pass '{alnum:14}!' info"],
      negative: ['redis-cli -a $REDIS_PASSWORD ping', 'redis-cli -h db ping', 'redis-cli -a password ping'],
    },
  },
  {
    id: 'http-call-password',
    title: 'User and password that a call is given for HTTP',
    vendor: 'HTTP',
    source: 'https://requests.readthedocs.io/en/latest/user/authentication/',
    keywords: ['auth=(', 'auth = (', 'BasicAuth(', 'Basic_Auth(', 'DigestAuth(', 'Digest_Auth('],
    pattern:
      '(?:auth(?:=| = )|(?:[Bb]asic|[Dd]igest)_?[Aa]uth)\\([ ]{0,2}(?:[rbu]?["\'][^"\'\\r\\n]{1,64}["\']|[a-zA-Z_][\\w.]{0,40}),[ ]{0,2}[rbu]?["\']([^"\'\\s<>{}$%*][^"\'\\s<>{}]{3,127})["\'][ ]{0,2},?[ ]{0,2}\\)',
    general: true,
    confidence: 'likely',
    check: 'password',
    connection: 'http',
    revoke: 'Change the password at the server.',
    examples: {
      positive: [
        "requests.get(url, auth=('bob', '{alnum:12}!{digits:2}'))",
        'auth=HTTPBasicAuth("svc", "{alnum:14}{digits:2}")',
        'req.SetBasicAuth("svc", "{alnum:16}{digits:2}")',
      ],
      negative: [
        "requests.get(url, auth=('user', 'pass'))",
        'requests.get(url, auth=(user, password))',
        'auth=HTTPBasicAuth("user", os.environ["PASSWORD_1"])',
        "auth=('user', '<password>')",
      ],
    },
  },
  {
    id: 'mail-login-password',
    title: 'Password that a login to a mail server is given',
    vendor: 'SMTP, IMAP',
    source: 'https://docs.python.org/3/library/smtplib.html#smtplib.SMTP.login',
    keywords: ['.login('],
    pattern:
      '\\.login\\([ ]{0,2}(?:[rbu]?["\'][^"\'\\s@]{1,64}@[^"\'\\s@]{1,128}["\']|[a-zA-Z_][\\w.]{0,40}),[ ]{0,2}[rbu]?["\']([^"\'\\s<>{}$%*][^"\'\\s<>{}]{3,127})["\'][ ]{0,2}\\)',
    general: true,
    confidence: 'possible',
    check: 'password',
    revoke: 'Change the password of the mailbox, or revoke its app password.',
    examples: {
      positive: [
        'smtp.login("svc@acme.internal", "{alnum:12}!{digits:2}")',
        "server.login(sender, '{alnum:14}{digits:2}')",
      ],
      negative: [
        'smtp.login("you@example.com", "password")',
        'server.login(user, password)',
        "client.login(user, 'your-password')",
        'this.login(name)',
      ],
    },
  },
  {
    id: 'mysql-dsn-password',
    title: 'MySQL data source name with a password',
    vendor: 'MySQL',
    source: 'https://github.com/go-sql-driver/mysql#dsn-data-source-name',
    keywords: ['@tcp(', '@unix('],
    pattern:
      '(?:^|[^A-Za-z0-9_.-])[A-Za-z0-9_.-]{1,64}:([^\\s@"\'`<>{}$%*][^\\s@"\'`<>{}]{2,127})@(?:tcp|unix)\\([^\\s()]{0,200}\\)/',
    general: true,
    confidence: 'likely',
    check: 'password',
    connection: 'mysql',
    revoke: 'ALTER USER name IDENTIFIED BY.',
    examples: {
      positive: [
        'sql.Open("mysql", "svc:{alnum:14}{digits:2}@tcp(127.0.0.1:3306)/app")',
        'DSN=svc:{alnum:12}!{digits:2}@unix(/run/mysqld/mysqld.sock)/app?parseTime=true',
      ],
      negative: [
        '"user:password@tcp(localhost:5555)/dbname"',
        '"%s:%s@tcp(%s)/%s"',
        'root@tcp(127.0.0.1:3306)/app',
        '${{USER}:${{PASSWORD}@tcp(db)/app',
      ],
    },
  },
]
