import type { Rule } from '../engine/index.ts'

const placeholders = [
  '^(?:[Pp]assword|PASSWORD|[Pp]asswd|[Pp]ass|PASS|[Ss]ecret|SECRET|[Cc]hange-?me|CHANGE_?ME)[0-9]{0,3}$',
  '^(?:example|test|root|admin|user|postgres|mysql|guest|pwd|token|TOKEN|null|undefined|none|None)$',
  '^[xX*._0-]{3,}$',
  '^(?:your|YOUR|Your|insert|INSERT|replace|REPLACE|EXAMPLE|example)[-_]',
]

export const structuresAddressesRules: readonly Rule[] = [
  {
    id: 'postgres-url-password',
    title: 'PostgreSQL address with a password',
    vendor: 'PostgreSQL',
    source: 'https://www.postgresql.org/docs/current/libpq-connect.html',
    keywords: ['postgres'],
    pattern:
      '(?:postgres(?:ql)?(?:\\+[a-z0-9]{2,20})?)://[^\\s:@/"\'<>{}$]{1,64}:([^\\s@/"\'<>{}$%*`\\\\][^\\s@/"\'<>{}`\\\\]{2,127})@[A-Za-z0-9\\[]',
    general: true,
    confidence: 'likely',
    allow: placeholders,
    connection: 'postgres',
    revoke: 'Change the password at the server.',
    examples: {
      positive: [
        'postgres://app:{alnum:16}@db.internal:5432/app',
        'DATABASE_URL="postgresql+psycopg2://svc:{alnum:12}#{alnum:6}@10.0.0.5/orders"',
      ],
      negative: [
        'postgres://user:password@localhost/db',
        'postgres://${{USER}:${{PASSWORD}@host/db',
        'postgres://user@host/db',
        'postgres://user:<password>@host',
      ],
    },
  },
  {
    id: 'mysql-url-password',
    title: 'MySQL or MariaDB address with a password',
    vendor: 'MySQL',
    source: 'https://dev.mysql.com/doc/refman/8.4/en/connecting-using-uri-or-key-value-pairs.html',
    keywords: ['mysql', 'mariadb'],
    pattern:
      '(?:(?:mysqlx?|mariadb)(?:\\+[a-z0-9]{2,20})?)://[^\\s:@/"\'<>{}$]{1,64}:([^\\s@/"\'<>{}$%*`\\\\][^\\s@/"\'<>{}`\\\\]{2,127})@[A-Za-z0-9\\[]',
    general: true,
    confidence: 'likely',
    allow: placeholders,
    connection: 'mysql',
    revoke: 'Change the password at the server.',
    examples: {
      positive: [
        'mysql://root2:{alnum:16}@db.internal:3306/app',
        'SQLALCHEMY_DATABASE_URI=mysql+pymysql://svc:{alnum:20}@10.0.0.5/orders',
      ],
      negative: [
        'mysql://user:password@localhost/db',
        'mysql://${{USER}:${{PASSWORD}@host/db',
        'mysql://user@host/db',
        'mysql://user:<password>@host',
      ],
    },
  },
  {
    id: 'mongodb-url-password',
    title: 'MongoDB address with a password',
    vendor: 'MongoDB',
    source: 'https://www.mongodb.com/docs/manual/reference/connection-string/',
    keywords: ['mongodb'],
    pattern:
      '(?:mongodb(?:\\+srv)?)://[^\\s:@/"\'<>{}$]{1,64}:([^\\s@/"\'<>{}$%*`\\\\][^\\s@/"\'<>{}`\\\\]{2,127})@[A-Za-z0-9\\[]',
    general: true,
    confidence: 'likely',
    allow: placeholders,
    revoke: 'Change the password at the server.',
    examples: {
      positive: [
        'mongodb://app:{alnum:16}@db.internal:27017/app',
        'MONGO_URL=mongodb+srv://svc:{alnum:20}@cluster0.abcde.mongodb.net/app',
      ],
      negative: [
        'mongodb://user:password@localhost/db',
        'mongodb://${{USER}:${{PASSWORD}@host/db',
        'mongodb://user@host/db',
        'mongodb://user:<password>@host',
      ],
    },
  },
  {
    id: 'redis-url-password',
    title: 'Redis address with a password',
    vendor: 'Redis',
    source: 'https://www.iana.org/assignments/uri-schemes/prov/redis',
    keywords: ['redis://', 'rediss://'],
    pattern:
      'rediss?://(?:[^\\s:@/"\'<>{}$]{1,64})?:([^\\s@/"\'<>{}$%*`\\\\][^\\s@/"\'<>{}`\\\\]{2,127})@[A-Za-z0-9\\[]',
    general: true,
    confidence: 'likely',
    allow: placeholders,
    connection: 'redis',
    revoke: 'Change the password at the server.',
    examples: {
      positive: [
        'redis://:{alnum:20}@cache.internal:6379/0',
        'REDIS_URL=rediss://default:{alnum:32}@10.0.0.7:6380',
      ],
      negative: [
        'redis://localhost:6379',
        'redis://:password@localhost',
        'redis://:${{REDIS_PASSWORD}@cache',
      ],
    },
  },
  {
    id: 'amqp-url-password',
    title: 'AMQP address with a password',
    vendor: 'AMQP',
    source: 'https://www.rabbitmq.com/docs/uri-spec',
    keywords: ['amqp://', 'amqps://'],
    pattern:
      '(?:amqps?)://[^\\s:@/"\'<>{}$]{1,64}:([^\\s@/"\'<>{}$%*`\\\\][^\\s@/"\'<>{}`\\\\]{2,127})@[A-Za-z0-9\\[]',
    general: true,
    confidence: 'likely',
    allow: placeholders,
    revoke: 'Change the password at the server.',
    examples: {
      positive: [
        'amqp://app:{alnum:16}@mq.internal:5672/vhost',
        'BROKER_URL=amqps://svc:{alnum:20}@10.0.0.9/prod',
      ],
      negative: [
        'amqp://user:password@localhost/db',
        'amqp://${{USER}:${{PASSWORD}@host/db',
        'amqp://user@host/db',
        'amqp://user:<password>@host',
      ],
    },
  },
  {
    id: 'sql-url-password',
    title: 'Database address with a password (SQLAlchemy and others)',
    vendor: 'Database',
    source: 'https://docs.sqlalchemy.org/en/20/core/engines.html#database-urls',
    keywords: [
      'mssql',
      'oracle',
      'clickhouse',
      'cockroachdb',
      'snowflake',
      'redshift',
      'db2',
      'hana',
      'sqlserver',
      'couchbase',
      'neo4j',
      'bolt',
      'nats://',
      'cassandra',
    ],
    pattern:
      '(?:(?:mssql|oracle|clickhouse|cockroachdb|snowflake|redshift|db2|hana|sqlserver|couchbases?|neo4j|bolt|cassandra)(?:\\+[a-z0-9_]{2,20})?|nats)://[^\\s:@/"\'<>{}$]{1,64}:([^\\s@/"\'<>{}$%*`\\\\][^\\s@/"\'<>{}`\\\\]{2,127})@[A-Za-z0-9\\[]',
    general: true,
    confidence: 'likely',
    allow: placeholders,
    revoke: 'Change the password at the server.',
    examples: {
      positive: [
        'mssql+pyodbc://sa2:{alnum:16}@db.internal/app',
        'DB="clickhouse://svc:{alnum:20}@10.0.0.5:9000/logs"',
      ],
      negative: [
        'mssql+pyodbc://user:password@localhost/db',
        'mssql+pyodbc://${{USER}:${{PASSWORD}@host/db',
        'mssql+pyodbc://user@host/db',
        'mssql+pyodbc://user:<password>@host',
      ],
    },
  },
  {
    id: 'url-password',
    title: 'Address with a password',
    vendor: 'Address',
    source: 'https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1',
    keywords: [
      'http://',
      'https://',
      'ftp://',
      'ftps://',
      'ssh://',
      'smtp://',
      'smtps://',
      'imap://',
      'imaps://',
      'ldap://',
      'ldaps://',
      'mqtt://',
      'mqtts://',
      'wss://',
      'socks5',
      'svn://',
      'git://',
      'kafka://',
      'elasticsearch://',
      'influxdb://',
    ],
    pattern:
      '(?:(?:https?|ftps?|sftp|ssh|smtps?|imaps?|ldaps?|mqtts?|wss|socks5h?|svn|git|kafka|elasticsearch|influxdb))://[^\\s:@/"\'<>{}$]{1,64}:([^\\s@/"\'<>{}$%*`\\\\][^\\s@/"\'<>{}`\\\\]{2,127})@[A-Za-z0-9\\[]',
    general: true,
    confidence: 'likely',
    allow: placeholders,
    connection: 'http',
    revoke: 'Change the password at the server.',
    examples: {
      positive: [
        'https://ci:{alnum:20}@git.internal/team/app.git',
        'PROXY=http://svc:{alnum:14}@proxy.internal:3128',
      ],
      negative: [
        'https://user:password@localhost/db',
        'https://${{USER}:${{PASSWORD}@host/db',
        'https://user@host/db',
        'https://user:<password>@host',
      ],
    },
  },
  {
    id: 'jdbc-password',
    title: 'JDBC address with a password',
    vendor: 'JDBC',
    source: 'https://jdbc.postgresql.org/documentation/use/',
    keywords: ['jdbc:'],
    pattern:
      'jdbc:[a-z0-9:+]{3,40}//?[^\\s"\'<>?;]{3,200}[?;](?:[A-Za-z0-9_.]{1,40}=[^&;\\s"\'<>]{0,100}[&;]){0,20}(?:password|Password|pwd)=([^&;\\s"\'<>{}$][^&;\\s"\'<>{}]{2,127})',
    general: true,
    confidence: 'likely',
    allow: placeholders,
    connection: 'postgres',
    revoke: 'Change the password at the server.',
    examples: {
      positive: [
        'jdbc:postgresql://db.internal:5432/app?user=svc&password={alnum:16}',
        'url=jdbc:sqlserver://10.0.0.5:1433;databaseName=app;user=svc;password={alnum:14}!;',
      ],
      negative: [
        'jdbc:postgresql://db.internal/app?user=svc&password=${{PW}',
        'jdbc:mysql://localhost/app?useSSL=false',
        'jdbc:mysql://localhost/app?user=root&password=password',
      ],
    },
  },
  {
    id: 'ado-net-password',
    title: 'SQL Server or ADO.NET connection string with a password',
    vendor: 'Microsoft',
    source: 'https://learn.microsoft.com/en-us/dotnet/framework/data/adonet/connection-string-syntax',
    keywords: ['password=', 'password =', 'pwd=', 'pwd ='],
    pattern:
      '(?:[Ss]erver|[Dd]ata [Ss]ource|[Hh]ost|[Aa]ddress)[ ]?=[ ]?[^;"\'\\r\\n]{2,100};(?:[A-Za-z ]{2,40}=[^;"\'\\r\\n]{0,100};){0,12}[ ]?(?:[Pp]assword|PASSWORD|[Pp]wd|PWD)[ ]?=[ ]?([^;"\'\\r\\n<>{}$ *][^;"\'\\r\\n<>{}]{3,127})',
    general: true,
    confidence: 'likely',
    allow: placeholders,
    revoke: 'Change the password at the server.',
    examples: {
      positive: [
        '"Server=tcp:db.internal,1433;Initial Catalog=app;User ID=svc;Password={alnum:16}!;Encrypt=True"',
        'Data Source=10.0.0.5;User Id=svc;Pwd={alnum:12};',
      ],
      negative: [
        'Server=db;Database=app;Trusted_Connection=True;',
        'Server=db;User Id=svc;Password=${{DB_PASSWORD};',
        'Server=db;User Id=sa;Password=<password>;',
      ],
    },
  },
]
