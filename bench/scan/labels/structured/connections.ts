import type { FileKind, Written } from '../kind.ts'
import { mark } from '../mark.ts'
import type { Random } from '../random.ts'
import { fill } from '../template.ts'
import { hostName, services } from '../words.ts'
import { anyPassword } from './keys.ts'

/** `{host}`, `{user}`, `{name}` are filled in, `{secret}` is the label. */
const urls: readonly (readonly [name: string, called: string, form: string])[] = [
  ['postgres-url', 'DATABASE_URL', 'postgres://{user}:{secret}@{host}:5432/{name}?sslmode=require'],
  ['mysql-url', 'DATABASE_URL', 'mysql://{user}:{secret}@{host}:3306/{name}'],
  ['mongodb-url', 'MONGO_URL', 'mongodb+srv://{user}:{secret}@{host}/{name}?retryWrites=true'],
  ['redis-url', 'REDIS_URL', 'rediss://default:{secret}@{host}:6380/0'],
  ['amqp-url', 'AMQP_URL', 'amqps://{user}:{secret}@{host}:5671/{name}'],
  ['smtp-url', 'SMTP_URL', 'smtps://{user}:{secret}@{host}:465'],
  ['ftp-url', 'UPLOAD_URL', 'ftp://{user}:{secret}@{host}/in'],
  ['https-basic-url', 'FEED_URL', 'https://{user}:{secret}@{host}/feed.xml'],
  ['git-url', 'REMOTE', 'https://{user}:{secret}@git.northwind.io/{name}/app.git'],
  [
    'sqlalchemy-url',
    'SQLALCHEMY_DATABASE_URI',
    'mssql+pyodbc://{user}:{secret}@{host}/{name}?driver=ODBC+Driver+18',
  ],
  ['clickhouse-url', 'CLICKHOUSE_URL', 'clickhouse://{user}:{secret}@{host}:9440/{name}'],
  ['ldap-url', 'LDAP_URL', 'ldaps://cn=reader:{secret}@{host}:636'],
]

const strings: readonly (readonly [name: string, called: string, form: string])[] = [
  [
    'adonet-string',
    'ConnectionString',
    'Server=tcp:{host},1433;Initial Catalog={name};User ID={user};Password={secret};Encrypt=True;',
  ],
  [
    'odbc-string',
    'ODBC_DSN',
    'Driver={ODBC Driver 18};Server={host};Database={name};Uid={user};Pwd={secret};',
  ],
  ['jdbc-string', 'JDBC_URL', 'jdbc:postgresql://{host}:5432/{name}?user={user}&password={secret}'],
  ['oracle-string', 'ORACLE_URL', 'jdbc:oracle:thin:{user}/{secret}@{host}:1521:{name}'],
  [
    'libpq-string',
    'PG_DSN',
    'host={host} port=5432 dbname={name} user={user} password={secret} sslmode=require',
  ],
  ['npgsql-string', 'DefaultConnection', 'Host={host};Database={name};Username={user};Password={secret}'],
  ['go-mysql-dsn', 'DB_DSN', '{user}:{secret}@tcp({host}:3306)/{name}?parseTime=true'],
]

const keyed: readonly (readonly [name: string, called: string, form: string, key: string])[] = [
  [
    'storage-connection',
    'AzureWebJobsStorage',
    'DefaultEndpointsProtocol=https;AccountName={user};AccountKey={secret};EndpointSuffix=core.windows.net',
    '{b64:76}+ASt{b64:5}{A|Q|g|w}==',
  ],
  [
    'servicebus-connection',
    'SERVICEBUS_CONNECTION',
    'Endpoint=sb://{user}.servicebus.windows.net/;SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey={secret}',
    '{b64:33}+ASb{b64:5}{A|E|I|M|Q|U|Y|c|g|k|o|s|w|0|4|8}=',
  ],
  [
    'eventhub-connection',
    'EVENTHUB_CONNECTION',
    'Endpoint=sb://{user}.servicebus.windows.net/;SharedAccessKeyName=send;SharedAccessKey={secret};EntityPath={name}',
    '{b64:33}+AEh{b64:5}{A|E|I|M|Q|U|Y|c|g|k|o|s|w|0|4|8}=',
  ],
  [
    'iothub-connection',
    'IOTHUB_CONNECTION',
    'HostName={user}.azure-devices.net;SharedAccessKeyName=iothubowner;SharedAccessKey={secret}',
    '{b64:33}AIoT{b64:5}{A|E|I|M|Q|U|Y|c|g|k|o|s|w|0|4|8}=',
  ],
  [
    'appconfig-connection',
    'APPCONFIG',
    'Endpoint=https://{user}.azconfig.io;Id={name}-l0-s0:ab;Secret={secret}',
    '{bytes:32}',
  ],
  [
    'cosmos-connection',
    'COSMOS',
    'AccountEndpoint=https://{user}.documents.azure.com:443/;AccountKey={secret};',
    '{b64:76}ACDb{b64:5}{A|Q|g|w}==',
  ],
  [
    'sas-url',
    'EXPORT_URL',
    'https://{user}.blob.core.windows.net/exports?sv=2024-11-04&ss=b&srt=co&sp=rwdl&se=2029-01-01T00:00:00Z&spr=https&sig={secret}',
    '{alnum:20}%2B{alnum:20}%3D',
  ],
  ['cloudinary-url', 'CLOUDINARY_URL', 'cloudinary://812345678901234:{secret}@{name}', '{b64u:27}'],
  [
    'sentry-dsn-secret',
    'SENTRY_DSN_LEGACY',
    'https://0123456789abcdef0123456789abcdef:{secret}@sentry.northwind.io/4',
    '{hex:32}',
  ],
]

export const connections: readonly FileKind[] = [
  ...[...urls, ...strings].map(([name, called, text]) => connection(name, called, text, urlPassword)),
  ...keyed.map(([name, called, text, key]) => connection(name, called, text, (random) => fill(key, random))),
]

/** What can stand in each of them without being escaped. */
function urlPassword(random: Random): string {
  return random.chance(0.5) ? fill('{alnum:14-28}', random) : anyPassword(random).replaceAll(/[@#%^+=]/g, '_')
}

function connection(name: string, called: string, form: string, make: (random: Random) => string): FileKind {
  const file = (random: Random, kind: string): Written => {
    const service = random.pick(services)
    const text = form
      .replace('{host}', hostName(random))
      .replace('{user}', `${service}${random.pick(['', 'app', 'svc'])}`)
      .replace('{name}', random.pick(['main', 'shop', 'prod', 'core']))
      .replace('{secret}', () => mark('secret', kind, make(random)))
    return random.pick<Written>([
      { path: `${service}.env`, text: `LOG_LEVEL=info\n${called}=${text}\nPORT=8080\n` },
      { path: `config/${service}.yaml`, text: `store:\n  pool: 12\n  ${called.toLowerCase()}: "${text}"\n` },
      { path: `config/${service}.json`, text: `{\n  "port": 8080,\n  "${called}": "${text}"\n}\n` },
      { path: `${service}/db.py`, text: `import os\n\nengine = connect("${text}", pool_size=10)\n` },
      { path: `src/${service}/db.js`, text: `const pool = open('${text}')\nmodule.exports = pool\n` },
      {
        path: `src/main/java/${service}/Db.java`,
        text: `class Db {\n    static final String URL = "${text}";\n}\n`,
      },
      { path: `logs/${service}.log`, text: `2026-05-04T10:22:31Z ERROR cannot reach ${text}: timed out\n` },
    ])
  }
  return { name, file }
}
