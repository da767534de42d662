import { kindsOf } from '../kind.ts'
import type { Random } from '../random.ts'
import { fill } from '../template.ts'
import { companies, hostName, noun, services } from '../words.ts'

const secretNames =
  'PASSWORD DB_PASSWORD API_KEY AUTH_TOKEN CLIENT_SECRET ACCESS_TOKEN SECRET_KEY JWT_SECRET GITHUB_TOKEN STRIPE_SECRET_KEY AWS_SECRET_ACCESS_KEY SMTP_PASSWORD'
const literal = (texts: readonly string[]) => (random: Random) => random.pick(texts)
/** Read backwards, so that the documentation's own keys do not stand here as they are. */
const backwards = (text: string): string => [...text].reverse().join('')

/** What stands in a secret's place until there is one, and what says where it is. */
export const placeholders = kindsOf([
  [
    'placeholder-angle',
    secretNames,
    literal([
      '<your-api-key>',
      '<password>',
      '<YOUR_TOKEN>',
      '<insert token here>',
      '<REDACTED>',
      '<secret>',
    ]),
  ],
  [
    'placeholder-words',
    secretNames,
    literal([
      'your-api-key-here',
      'YOUR_API_KEY',
      'your_secret_token',
      'insert-token-here',
      'REPLACE_ME',
      'replace-with-your-key',
      'changeme',
      'CHANGE_ME_BEFORE_DEPLOY',
      'put-your-password-here',
      'my-secret-token',
      'TODO',
      'to-be-filled',
    ]),
  ],
  [
    'placeholder-letters',
    secretNames,
    (random) => random.pick(['x', 'X', '*', '0', '.', '#', '-'] as const).repeat(random.between(8, 40)),
  ],
  [
    'placeholder-prefixed',
    secretNames,
    (random) =>
      random.pick([
        `ghp_${'x'.repeat(36)}`,
        `sk_live_${'X'.repeat(24)}`,
        `AKIA${'X'.repeat(16)}`,
        `xoxb-${'0'.repeat(12)}-${'x'.repeat(24)}`,
        'sk-...',
        'ghp_...',
        `glpat-${'x'.repeat(20)}`,
        `npm_${'0'.repeat(36)}`,
        `SG.${'x'.repeat(22)}.${'x'.repeat(43)}`,
        `AIza${'-'.repeat(35)}`,
      ]),
  ],
  [
    'placeholder-example',
    secretNames,
    literal([
      'example-token',
      'example_password',
      'dummy-secret',
      'fake-api-key',
      'sample-key-do-not-use',
      'test-token',
      'not-a-real-secret',
      'none',
      'null',
      'undefined',
      'N/A',
      'empty',
      'redacted',
      '[FILTERED]',
      '[hidden]',
    ]),
  ],
  [
    'reference-env',
    secretNames,
    literal([
      '${DB_PASSWORD}',
      '$API_TOKEN',
      '${env.CLIENT_SECRET}',
      '${SECRET_KEY:?missing}',
      '%DB_PASSWORD%',
      '$(SECRET_VALUE)',
      '${env:API_KEY}',
      '#{ENV["TOKEN"]}',
    ]),
  ],
  [
    'reference-ci',
    secretNames,
    literal([
      '${{ secrets.DEPLOY_TOKEN }}',
      '${{ secrets.NPM_TOKEN }}',
      '$CI_JOB_TOKEN',
      '${{ steps.auth.outputs.token }}',
      '$[variables.apiKey]',
      '((registry.password))',
      '<< pipeline.parameters.token >>',
    ]),
  ],
  [
    'reference-template',
    secretNames,
    literal([
      '{{ .Values.database.password }}',
      '{{ vault_db_password }}',
      '{{ lookup("env", "TOKEN") }}',
      '{{apiKey}}',
      '<%= secrets.token %>',
      '{{ index .Data "password" }}',
      '@@DB_PASSWORD@@',
      '__API_TOKEN__',
    ]),
  ],
  [
    'reference-vault',
    secretNames,
    (random) =>
      random.pick([
        `vault:secret/data/${random.pick(services)}#password`,
        `op://Production/${random.pick(services)}/credential`,
        `ref+awsssm://prod/${random.pick(services)}/token`,
        `arn:aws:secretsmanager:eu-west-1:${random.text('123456789', 12)}:secret:prod/${random.pick(services)}-${fill('{alnum:6}', random)}`,
        `@Microsoft.KeyVault(SecretUri=https://${random.pick(companies)}.vault.azure.net/secrets/${random.pick(services)}/${random.hex(32)})`,
        `projects/${random.pick(companies)}/secrets/${random.pick(services)}/versions/latest`,
        `akv://${random.pick(companies)}/${random.pick(services)}`,
        `sm://${random.pick(companies)}-${random.pick(services)}-db-password`,
        `keyring:${random.pick(services)}`,
      ]),
  ],
  [
    'reference-code',
    secretNames,
    literal([
      'process.env.API_KEY',
      'os.environ["SECRET_KEY"]',
      'System.getenv("DB_PASSWORD")',
      'config.get("password")',
      'Rails.application.credentials.token',
      'var.db_password',
      'data.vault_generic_secret.db.data["password"]',
      'local.api_key',
      'module.rds.master_password',
      'settings.SECRET_KEY',
      'getPassword()',
      'credentials.password',
      'request.form["password"]',
    ]),
  ],
  [
    'secret-name',
    'SECRET_NAME PASSWORD_SECRET_REF TOKEN_SECRET_NAME API_KEY_SECRET_ID KEY_VAULT_SECRET',
    (random) =>
      random.pick([
        `${random.pick(services)}-db-credentials`,
        `prod/${random.pick(services)}/api-key`,
        `${random.pick(services)}-tls`,
        `${random.pick(companies)}-registry-pull-secret`,
      ]),
  ],
  [
    'secret-file',
    'PASSWORD_FILE DB_PASSWORD_FILE TOKEN_PATH SECRET_KEY_PATH PRIVATE_KEY_FILE GOOGLE_APPLICATION_CREDENTIALS',
    (random) =>
      random.pick([
        `/run/secrets/${random.pick(services)}_password`,
        `/var/run/secrets/kubernetes.io/serviceaccount/token`,
        `/etc/ssl/private/${random.pick(services)}.key`,
        `./keys/${random.pick(services)}.pem`,
        `~/.config/${random.pick(services)}/token.json`,
        `C:\\keys\\${random.pick(services)}.pfx`,
      ]),
  ],
  [
    'token-url',
    'TOKEN_URL TOKEN_ENDPOINT PASSWORD_RESET_URL OAUTH_TOKEN_URI SECRET_STORE_URL API_KEY_URL',
    (random) =>
      `https://id.${random.pick(companies)}.io/${random.pick(['oauth2/v1/token', 'password/reset', 'realms/main/protocol/openid-connect/token', 'secrets', 'account/api-keys'])}`,
  ],
  [
    'token-setting',
    'TOKEN_TYPE AUTH_TOKEN_TTL PASSWORD_POLICY TOKEN_EXPIRY_SECONDS SECRET_ROTATION PASSWORD_HASHER KEY_ALGORITHM TOKEN_AUDIENCE SECRET_PROVIDER AUTH_KEY_TYPE PASSWORD_ENCODER',
    literal([
      'bearer',
      '3600',
      'strong',
      'enabled',
      'argon2id',
      'bcrypt',
      'RS256',
      'EdDSA',
      'aes-256-gcm',
      'urn:northwind:api',
      'aws-secrets-manager',
      'hashicorp-vault',
      'org.springframework.security.crypto.bcrypt.BCryptPasswordEncoder',
      'django.contrib.auth.hashers.PBKDF2PasswordHasher',
      'JsonWebToken2020',
    ]),
  ],
  [
    'header-name',
    'API_KEY_HEADER TOKEN_HEADER AUTH_TOKEN_COOKIE CSRF_TOKEN_NAME PASSWORD_FIELD SECRET_PARAM TOKEN_QUERY_PARAM',
    literal([
      'X-Api-Key',
      'Authorization',
      'X-Auth-Token',
      'session_token',
      'csrf_token',
      'user_password',
      'access_token',
      'X-Gitlab-Token',
      'X-Hub-Signature-256',
      'current-password',
      'private_token',
    ]),
  ],
  [
    'key-of-map',
    'PRIMARY_KEY PARTITION_KEY SORT_KEY CACHE_KEY FOREIGN_KEY I18N_KEY IDEMPOTENCY_KEY_PREFIX LOOKUP_KEY ROUTING_KEY',
    (random) =>
      random.pick([
        `user:${random.pick(services)}:profile`,
        `${random.pick(services)}_id`,
        `orders.created.${random.pick(['eu', 'us'])}`,
        `errors.password.tooShort`,
        `createdAt#${noun(random)}`,
        `app.${random.pick(services)}.title`,
        `pk_${random.pick(services)}_region`,
      ]),
  ],
  [
    'local-url',
    'DATABASE_URL REDIS_URL MONGO_URL AMQP_URL TEST_DATABASE_URL',
    literal([
      'postgres://user:password@localhost:5432/app',
      'postgresql://postgres:postgres@localhost/test',
      'mysql://root:root@127.0.0.1:3306/app_test',
      'mongodb://user:pass@localhost:27017/db',
      'amqp://guest:guest@localhost:5672/',
      'redis://:password@localhost:6379/0',
      'https://user:password@example.com/path',
      'postgres://USER:PASSWORD@HOST:5432/DB',
      'mysql://username:password@db.example.com/name',
    ]),
  ],
  [
    'url-reference',
    'DATABASE_URL REDIS_URL MONGO_URL',
    literal([
      'postgres://app:$DB_PASSWORD@db.internal:5432/app',
      'postgres://app:%DB_PASSWORD%@db.internal/app',
      'mongodb+srv://app:<password>@cluster0.mongodb.net/',
      'redis://:********@cache.internal:6379',
      'https://x-access-token:$GITHUB_TOKEN@github.com/northwind/app.git',
    ]),
  ],
  [
    'documented-aws',
    'AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY',
    (random) =>
      backwards(
        random.pick([
          'ELPMAXE7NNDOFSOIAIKA',
          'YEKELPMAXEYCiFRxPb/GNEDM7K/IMEFntUXrlaJw',
          'ELPMAXE8HGMDA44IAIKA',
        ]),
      ),
  ],
  [
    'documented-token',
    'STRIPE_SECRET_KEY STORAGE_KEY COSMOS_KEY',
    (random) =>
      backwards(
        random.pick([
          'cd7pdz1TtjraDWjyLqH93Ce4_tset_ks',
          '==wGMGoskeBHBK/rtOTPFZS1K/qt6I4zCrEVU2qFusFI6ZRSu05TFzUO1JXDCltEmlLPJwUqlFqcONx20Mdv8ybE',
          '==wJ/wIX76yQGacEsMyqnZIbMPyGGm8b4DboqTVuDn9Qn2ED5UDQ4+MLHEWIJDRV03vgC7A8N0bo+R/5fjDy6y2C',
        ]),
      ),
  ],
  [
    'host-and-path',
    'API_HOST SECRET_BUCKET KEYSTORE_HOST TOKEN_SERVICE_HOST',
    (random) =>
      random.pick([
        hostName(random),
        `s3://${random.pick(companies)}-${random.pick(services)}-secrets-eu-west-1/prod/keys`,
        `gs://${random.pick(companies)}-tokens/2026/05`,
      ]),
  ],
])
