import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fillTemplate, seededRandom } from '../index.ts'
import { findNamed } from './find.ts'
import { namedBy } from './names.ts'
import { charactersPerPiece } from './rarity.ts'

test('random text is of short pieces, names and prose of long ones', () => {
  const random = seededRandom(1)
  const median = (template: string) => {
    const all = Array.from({ length: 99 }, () => charactersPerPiece(fillTemplate(template, random)))
    return all.toSorted((a, b) => a - b)[49] ?? 0
  }
  for (const template of ['{alnum:20}', '{hex:32}', '{base64:40}', '{lower:24}'])
    assert.ok(median(template) < 1.2, template)
  for (const text of ['getUserPassword', 'process.env.SECRET', 'my-super-secret-token', 'application/json'])
    assert.ok(charactersPerPiece(text) > 2.5, text)
  assert.equal(charactersPerPiece(''), 0)
})

const names = [
  [
    'password',
    'DB_PASSWORD dbPassword mysql_root_password userPass my-passphrase redispassword PGPASSWORD password2',
  ],
  [
    'secret',
    'apiKey API_KEY client_secret authToken aws.secret_access_key SECRET_KEY_BASE signingKey GITHUB_PAT accessToken',
  ],
  [
    undefined,
    'key name token_url secretName passwordHash publicKey csrfToken nextPageToken tokenizer author passwordHint private_key_path ' +
      'primaryKey secret_arn TOKEN_TTL keyId password_policy bypass compass monkey passwordField tokens_count',
  ],
] as const

test('names say whether what they are given is a secret', () => {
  for (const [named, all] of names)
    for (const name of all.split(' ')) assert.equal(namedBy(name), named, name)
})

/** What is found at the words of names. */
function found(text: string): string | undefined {
  const bytes = Buffer.from(text, 'latin1')
  const places = [...text.slice(0, 5000).matchAll(/passw|pass|secret|token|key/gi)].map((word) => {
    const [from, to] = [word.index, word.index + word[0].length]
    return findNamed(bytes, from, to, 'password') ?? findNamed(bytes, from, to, 'secret')
  })
  const place = places.find((one) => one !== undefined)
  return place && bytes.toString('latin1', place.start, place.end)
}

/** Each with a value at random in the place of the §. */
const given = [
  'password = "§"',
  "api_token: '§'",
  'API_TOKEN=§',
  '{"client_secret":"§","a":1}',
  '{\\"client_secret\\":\\"§\\"}',
  "'secret' => '§',",
  'secret := `§`',
  'const apiToken: string = "§";',
  'var dbPassword string = "§"',
  'String secret = "§";',
  'secret_token = b"§"',
  'export AUTH_TOKEN=§; make',
  'ENV API_TOKEN §',
  './run --token §',
  './run --token=§',
  'https://a.internal/x?token=§&page=1',
  '<password>§</password>',
  '<add key="ApiSecret" value="§"/>',
  '<entry key="db.password">§</entry>',
  '- name: API_TOKEN\n  value: §\n',
  '- name: API_TOKEN\n  value: "§"\n',
  'variable "db_password" {\n  type = string\n  default = "§"\n}',
  'os.environ["SECRET"] = "§"',
  'os.getenv("SECRET", "§")',
  "process.env.SECRET || '§'",
  'user.setPassword("§")',
  "define('SECRET', '§')",
  'if (password == "§")',
  'spring.datasource.password=§',
  'X-Auth-Token: §',
  '#define API_TOKEN "§"',
  '#  define API_TOKEN   "§"',
  'password: |\n  §\nother: x',
  'password: >-\n    §\n',
  'password: !!str "§"',
  'password: !!str §',
  '[db]\npassword =\n    §\n',
  'const API_TOKEN =\n  "§";',
  "  apiKey:\n    '§',",
  "password = '''§'''",
  'password = """§"""',
  'password = """\n§\n"""\n',
  'public static readonly string ConnectionPassword = "§";',
  'const API_KEY: &str = "§";',
  'pub const SECRET_TOKEN: &\'static str = "§";',
  'static API_SECRET: &[u8] = b"§";',
  'const API_KEY: &[u8; 22] = b"§";',
  'let api_token = String::from("§");',
  'let token: Option<&str> = Some("§");',
  'let apiKey: String? = "§"',
  'const char API_TOKEN[] = "§";',
  'std::string api_key("§");',
  'String apiKey = new String("§");',
  'api_key = SecretStr("§")',
  'name,user,password\nx,admin,§\n',
  'password;user;host\r\n§;admin;db.internal\r\n',
  '\xef\xbb\xbfpassword,user\n§,admin\n',
  '"user","api_token"\n"a, b",""\n"bob","§"',
  'user\ttoken\nbob\t§',
  'name,value,owner\ntime_zone,Europe/Berlin,lena\napi_token,§,bob\n',
]

test('what a name is given is found in each language, and exactly', () => {
  const random = seededRandom(4)
  for (const template of given) {
    const value = fillTemplate('{alnum:20}{digits:2}', random)
    assert.equal(found(template.replace('§', value)), value, template)
  }
})

const none = [
  ...[
    'password = "changeme"',
    'password: string',
    'token = get_token(user1)',
    'token: ${{ secrets.API_TOKEN1 }}',
  ],
  ...[
    'apiToken = process.env.API_TOKEN_2',
    'secret: "{{ .Values.secret1 }}"',
    'password = "Enter your password 1"',
  ],
  ...['token = "9f1c8a52-7d1e-4b0a-9c3f-2f6d8e5b7a10"', 'secret_token = "1234567890abcdef1234567890abcdef"'],
  ...[
    'password = "/run/secrets/db_password1"',
    'token = "https://a.internal/token1"',
    'password = ""',
    'password: |',
  ],
  ...[
    'token_sha256 = "9f1c8a527d1e4b0a9c3f2f6d8e5b7a109f1c8a527d1e4b0a9c3f2f6d8e5b7a10"',
    'password=$DB_PASSWORD1',
  ],
  ...[
    'verifyPassword("Xk29fLq81mZt")',
    'password = "********"',
    'token = "xxxxxxxxxxxxxxxxxxxx1"',
    'password: !vault |',
  ],
  ...[
    'secret: my-database-credentials-v2',
    'token = "kJ8-key-of-the-job-01"',
    'aws | login --password-stdin 1.dkr.ecr.internal',
    'password = Password1Encoder.create',
    'token',
    'token ',
    'token=',
    'token="',
    'password: <pass1>',
    'password: |\n  Xk29fLq81mZt\n  of two lines',
    'password: |\nXk29fLq81mZt',
    'user,password\nbob,changeme\nann,secret\n',
    'user,password\nbob,1,Xk29fLq81mZt\n',
    'text\nuser,password\nbob,Xk29fLq81mZt\n',
    'f(user,password)\nbob,Xk29fLq81mZt)\n',
    'name,owner\napi_token,Xk29fLq81mZtXk29fLq81mZt\n',
    'api_token=%24%5Bvariables.apiKey1%5D',
    'password = "keyring:mailer1"',
    'password =\n    read_the_password(prompt1)',
    '#define PASSWORD_LENGTH "Xk29fLq81mZt"',
    '#define PASSWORD getpass1',
    'aws:secretsmanager:eu-central-1:123456789012:secret:app/Xk29fLq81mZt-AbC123',
    'api_key = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"',
    'public key of the token = "Xk29fLq81mZtXk29fLq81mZt"',
  ],
]

test('what says that it is none, or is of a shape of its own, is not found', () => {
  for (const text of none) assert.equal(found(text), undefined, text)
})

test('it reads no further than a bound, whatever stands around', () => {
  const started = performance.now()
  for (const filling of ['token', '"', ' ', '=', 'a', '\\', 'name: token\n', '{"token":', '<token a='])
    for (const text of [
      filling.repeat(4000),
      `token=${filling.repeat(4000)}`,
      `${filling.repeat(4000)}token = "`,
    ])
      found(text)
  assert.ok(performance.now() - started < 2000)
})
