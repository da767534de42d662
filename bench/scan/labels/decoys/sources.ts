import type { FileKind, Written } from '../kind.ts'
import type { Random } from '../random.ts'
import { people, services } from '../words.ts'
import { decoyKinds, list, type Row } from './decoy.ts'

/** Sources, texts, logs and documentation, in which the words stand and no secret does. */
const rows: readonly Row[] = [
  ['i18n-json', i18nJson],
  ['i18n-properties', i18nProperties],
  [
    'i18n-code',
    (random, decoy) => ({
      path: 'src/locale/de.ts',
      text: `export default {\n  login: {\n    password: '${decoy(random.pick(['Passwort', 'Kennwort', 'Mot de passe', 'Contraseña', 'Wachtwoord', 'Lösenord']))}',\n    token: '${decoy(random.pick(['Zugangs-Token', 'Jeton d’accès', 'Ficha de acceso']))}',\n    secret: '${decoy(random.pick(['Geheimnis', 'Geheimer Schlüssel', 'Clé secrète']))}',\n  },\n}\n`,
    }),
  ],
  ['code-variables', codeVariables],
  ['code-calls', codeCalls],
  [
    'code-types',
    (random, decoy) => ({
      path: `src/${random.pick(services)}/types.ts`,
      text: `export interface Login {\n  password: ${decoy('string')}\n  accessToken?: ${decoy(random.pick(['AccessToken', 'Promise<Token>', 'SecretString']))}\n  apiKey: ${decoy('ApiKey | undefined')}\n}\n\nexport const schema = z.object({ password: ${decoy('z.string().min(12)')}, secret: ${decoy('secretSchema')} })\n`,
    }),
  ],
  [
    'code-java-fields',
    (random, decoy) => ({
      path: `src/main/java/${random.pick(services)}/Login.java`,
      text: `class Login {\n    private String password;\n    @Value("${decoy('${spring.datasource.password}')}")\n    private String databasePassword;\n    private final String tokenType = "${decoy('Bearer')}";\n    private static final String PASSWORD_KEY = "${decoy('app.security.password')}";\n    void setPassword(String newPassword) { this.password = ${decoy('newPassword')}; }\n}\n`,
    }),
  ],
  ['code-messages', codeMessages],
  ['minified-code', minified],
  ['log-words', logWords],
  ['test-fixture', testFixture],
  ['api-documentation', apiDocumentation],
  [
    'example-env',
    (random, decoy) => ({
      path: '.env.example',
      text: `DATABASE_URL=${decoy('postgres://user:password@localhost:5432/app')}\nAPI_KEY=${decoy(random.pick(['your-api-key', '<api key>', 'xxxxxxxxxxxxxxxx']))}\nJWT_SECRET=${decoy(random.pick(['change-me', 'super-secret-change-in-production', 'replace_with_random_string']))}\nSTRIPE_SECRET_KEY=${decoy(random.pick(['sk_test_...', 'sk_test_xxx', 'sk_test_your_key_here']))}\n`,
    }),
  ],
  [
    'scanner-rules',
    (random, decoy) => ({
      path: 'security/rules.toml',
      text: `[[rules]]\nid = "github-pat"\nregex = '''${decoy(random.pick(['ghp_[0-9a-zA-Z]{36}', 'xox[baprs]-[0-9a-zA-Z]{10,48}', '(?i)password\\s*=\\s*["\'][^"\']{8,}["\']']))}'''\nkeywords = ["${decoy(random.pick(['ghp_', 'xoxb-', 'password']))}"]\n`,
    }),
  ],
  ['documented-jwt', documentedJwt],
  [
    'documented-totp',
    (random, decoy) => ({
      path: `docs/${random.pick(services)}-two-factor.md`,
      text: `Scan the code, or enter the key of the example:\n\n    otpauth://totp/Example:alice@example.com?secret=${decoy([...'PXP3KPEHPD3YSWBJ'].reverse().join(''))}&issuer=Example\n`,
    }),
  ],
]

export const sourcesDecoys: readonly FileKind[] = decoyKinds(rows)

function i18nJson(random: Random, decoy: (value: string) => string): Written {
  const texts: Record<string, string> = random.pick([
    {
      password: 'Passwort',
      passwordRepeat: 'Passwort wiederholen',
      forgotPassword: 'Passwort vergessen?',
      apiKey: 'API-Schlüssel',
      secretKey: 'Geheimer Schlüssel',
    },
    {
      password: 'Mot de passe',
      passwordConfirmation: 'Confirmez le mot de passe',
      token: 'Jeton d’accès',
      apiKey: 'Clé d’API',
      clientSecret: 'Secret du client',
    },
    {
      password: 'Contraseña',
      newPassword: 'Nueva contraseña',
      accessToken: 'Token de acceso',
      secret: 'Clave secreta',
    },
    { password: 'パスワード', newPassword: '新しいパスワード', apiKey: 'APIキー', token: 'トークン' },
    { password: 'Пароль', token: 'Токен доступа', secretKey: 'Секретный ключ' },
    {
      passwordTooShort: 'Password must have at least twelve characters',
      tokenExpired: 'Your token has expired',
      secretHint: 'Keep-this-secret-in-a-safe-place',
    },
  ])
  const lines = Object.entries(texts).map(([name, text]) => `    "${name}": "${decoy(text)}"`)
  return {
    path: `locales/${random.pick(['de', 'fr', 'es', 'ja', 'ru', 'en'])}/login.json`,
    text: `{\n  "login": {\n${lines.join(',\n')}\n  }\n}\n`,
  }
}

function i18nProperties(random: Random, decoy: (value: string) => string): Written {
  const texts = random.some(
    [
      ['login.password', 'Passwort'],
      ['login.password.hint', 'Mindestens zwölf Zeichen'],
      ['error.token.invalid', 'Ungültiges-Token'],
      ['label.secret', 'Geheimfrage'],
      ['label.apikey', 'Schlüssel der Schnittstelle'],
      ['user.password.changed', 'Das Kennwort wurde geändert'],
      ['user.pwd', 'Hasło'],
      ['auth.token', 'Jeton'],
    ],
    5,
  )
  return {
    path: 'src/main/resources/messages_de.properties',
    text: `${texts.map(([name, text = '']) => `${name}=${decoy(text)}`).join('\n')}\n`,
  }
}

function codeVariables(random: Random, decoy: (value: string) => string): Written {
  const lines = random.some(
    [
      `password = ${decoy('request.POST.get("password")')}`,
      `token = ${decoy('self.token_provider.current_token')}`,
      `api_key = ${decoy('os.environ.get("API_KEY")')}`,
      `secret = ${decoy('hashlib.sha256(seed).hexdigest()')}`,
      `password_hash = ${decoy('make_password(raw_password)')}`,
      `auth_token = ${decoy('jwt.encode(payload, settings.JWT_SECRET, algorithm="HS256")')}`,
      `client_secret = ${decoy('credentials["client_secret"]')}`,
      `access_token = ${decoy('response.json()["access_token"]')}`,
      `private_key = ${decoy('serialization.load_pem_private_key(data, password=None)')}`,
      `db_password = ${decoy('getpass.getpass("Database password: ")')}`,
    ],
    5,
  )
  return {
    path: `${random.pick(services)}/views.py`,
    text: `def login(request):\n${lines.map((line) => `    ${line}`).join('\n')}\n`,
  }
}

function codeCalls(random: Random, decoy: (value: string) => string): Written {
  const lines = random.some(
    [
      `const token = ${decoy('await getAccessToken(user.id)')}`,
      `const password = ${decoy('form.elements.password.value')}`,
      `const { apiKey, apiSecret } = ${decoy('loadCredentials(profile)')}`,
      `headers.set('Authorization', ${decoy('`Bearer ${session.accessToken}`')})`,
      `const secret = ${decoy('crypto.randomBytes(32).toString("hex")')}`,
      `passwordInput.setAttribute('placeholder', '${decoy('Enter your password')}')`,
      `localStorage.setItem('${decoy('auth-token-storage-key')}', token)`,
      `const privateKey = ${decoy('readFileSync(options.privateKeyPath, "utf8")')}`,
      `const tokenName = '${decoy('refreshTokenRotationFamily')}'`,
      `t('${decoy('settings.security.password.confirmationLabel')}')`,
      `const passwordSelector = '${decoy('#login-form input[name=password]')}'`,
    ],
    6,
  )
  return {
    path: `src/${random.pick(services)}/login.js`,
    text: `export async function login(user, form, options) {\n${lines.map((line) => `  ${line}`).join('\n')}\n}\n`,
  }
}

function codeMessages(random: Random, decoy: (value: string) => string): Written {
  const texts = random.some(
    [
      'invalid-password-or-username',
      'token has expired, please sign in again',
      'secret not found in namespace default',
      'the password must not contain your name',
      'missing_client_secret_parameter',
      'api key revoked by administrator',
      'AUTH_TOKEN_SIGNATURE_MISMATCH',
    ],
    4,
  )
  return {
    path: `internal/${random.pick(services)}/errors.go`,
    text: `package ${random.pick(services)}\n\nvar (\n${texts.map((text, i) => `\terrPassword${i} = errors.New("${decoy(text)}")`).join('\n')}\n)\n`,
  }
}

function minified(random: Random, decoy: (value: string) => string): Written {
  const name = () => random.text('abcdefghijklmnopqrstuvwxyz', 1)
  const body = list(
    60,
    () =>
      random.pick([
        () =>
          `function ${name()}(${name()}){return ${name()}.token||(${name()}.password=${name()}.value,null)}`,
        () => `${name()}.apiKey=${name()}?${name()}.secret:void 0,`,
        () =>
          `case"${decoy(random.pick(['ACCESS_TOKEN_REFRESH_REQUESTED', 'password-strength-indicator', 'secretKeyPlaceholder']))}":return{...${name()},token:${name()}.payload};`,
        () => `e.exports="${decoy(random.hex(32))}";`,
      ])(),
    '',
  )
  return { path: 'public/vendor.min.js', text: `!function(){${body}}();\n` }
}

function logWords(random: Random, decoy: (value: string) => string): Written {
  const line = () =>
    random.pick([
      () => `WARN  invalid password for user ${decoy(random.pick(people))} from 10.0.${random.below(250)}.4`,
      () => `INFO  token=${decoy('[REDACTED]')} accepted, session ${decoy(random.uuid())}`,
      () =>
        `INFO  refreshing access token in ${random.between(100, 3600)} s, request id ${decoy(random.hex(32))}`,
      () => `DEBUG secret ${decoy(`${random.pick(services)}-tls`)} mounted, version ${decoy(random.hex(16))}`,
      () => `INFO  pulled image digest sha256:${decoy(random.hex(64))}`,
      () => `ERROR password: ${decoy('*'.repeat(8))} rejected`,
    ])()
  return {
    path: `logs/${random.pick(services)}.log`,
    text: `${list(8, () => `2026-05-0${random.between(1, 9)}T10:${random.between(10, 59)}:0${random.below(9)}Z ${line()}`)}\n`,
  }
}

function testFixture(random: Random, decoy: (value: string) => string): Written {
  const lines = random.some(
    [
      `await expect(login('bob', '${decoy('wrong-password')}')).rejects.toThrow()`,
      `const token = '${decoy('fake-token')}'`,
      `process.env.API_KEY = '${decoy('test-api-key')}'`,
      `const client = new Client({ secret: '${decoy('dummy-secret-for-tests')}' })`,
      `nock(url).post('/token').reply(200, { access_token: '${decoy('mock-access-token')}' })`,
      `expect(mask('${decoy('not-a-real-password')}')).toBe('${decoy('***')}')`,
      `const user = { name: 'alice', password: '${decoy('password')}' }`,
      `expect(hash).toBe('${decoy(random.hex(64))}')`,
    ],
    5,
  )
  return {
    path: `spec/${random.pick(services)}.spec.js`,
    text: `describe('login', () => {\n${lines.map((line) => `  it('works', async () => { ${line} })`).join('\n')}\n})\n`,
  }
}

function apiDocumentation(random: Random, decoy: (value: string) => string): Written {
  const calls = random.some(
    [
      `curl -H "Authorization: Bearer ${decoy('YOUR_ACCESS_TOKEN')}" https://api.example.com/v1/me`,
      `curl -u ${decoy('user:password')} https://api.example.com/v1/me`,
      `export API_KEY=${decoy('<your api key>')}`,
      `curl "https://api.example.com/v1/search?api_key=${decoy('{API_KEY}')}"`,
      `mysql -u root -p${decoy('<password>')}`,
      `docker login -u ${decoy('$USER')} -p ${decoy('$TOKEN')}`,
      `git clone https://oauth2:${decoy('<access-token>')}@gitlab.example.com/group/project.git`,
      `psql postgres://${decoy('username:password')}@host:5432/database`,
    ],
    5,
  )
  return {
    path: `docs/${random.pick(services)}-api.md`,
    text: `# API\n\n\`\`\`sh\n${calls.join('\n')}\n\`\`\`\n`,
  }
}

/** The token that jwt.io shows, which half of the world's documentation repeats. */
function documentedJwt(random: Random, decoy: (value: string) => string): Written {
  const part = (text: string) => Buffer.from(text).toString('base64url')
  const head = `${part('{"alg":"HS256","typ":"JWT"}')}.${part('{"sub":"1234567890","name":"John Doe","iat":1516239022}')}`
  const token = `${head}.${['SflKxwRJSMeKKF2QT4f', 'wpMeJf36POk6yJV_adQssw5c'].join('')}`
  return random.pick([
    {
      path: 'docs/jwt.md',
      text: `A token looks like this:\n\n\`\`\`\nAuthorization: Bearer ${decoy(token)}\n\`\`\`\n`,
    },
    { path: 'spec/jwt.spec.js', text: `const token = '${decoy(token)}'\n` },
    {
      path: 'openapi.yaml',
      text: `components:\n  schemas:\n    Token:\n      type: string\n      example: ${decoy(token)}\n`,
    },
  ])
}
