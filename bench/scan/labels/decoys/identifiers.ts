import { kindsOf } from '../kind.ts'
import type { Random } from '../random.ts'
import { json } from '../json.ts'
import { fill } from '../template.ts'

const literal = (texts: readonly string[]) => (random: Random) => random.pick(texts)
const one = (texts: readonly string[]) => (random: Random) => fill(random.pick(texts), random)

/** Values as random as a secret that are none: ids, digests, public keys, ciphertexts. */
export const identifiers = kindsOf([
  [
    'alphabet',
    'TOKEN_ALPHABET BASE64_CHARS PASSWORD_CHARSET SECRET_CHARACTERS ID_ALPHABET',
    literal([
      'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
      'abcdefghijklmnopqrstuvwxyz0123456789',
      '0123456789abcdef',
      '23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz',
      'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567',
      'qpzry9x8gf2tvdw0s3jn54khce6mua7l',
    ]),
  ],
  [
    'pattern',
    'PASSWORD_PATTERN TOKEN_REGEX API_KEY_FORMAT SECRET_MATCHER KEY_REGEX',
    (random) =>
      random.pick([
        '^(?=.*[A-Z])(?=.*[0-9]).{12,}$',
        'ghp_[A-Za-z0-9]{36}',
        '^[a-f0-9]{64}$',
        'AKIA[0-9A-Z]{16}',
        'xox[baprs]-[0-9a-zA-Z-]+',
        '^sk_(?:live|test)_[0-9a-zA-Z]+$',
        '[A-Za-z0-9_-]{20,64}',
      ]),
  ],
  [
    'uuid',
    'CLIENT_ID TENANT_ID SUBSCRIPTION_ID REQUEST_ID ACCOUNT_ID DEVICE_ID CORRELATION_ID WORKSPACE_ID ORG_ID SESSION_GUID',
    '{uuid}',
  ],
  ['git-sha', 'COMMIT_SHA GIT_REVISION GITHUB_SHA VCS_REF BASE_COMMIT PARENT_COMMIT', '{hex:40}'],
  [
    'sha256',
    'SHA256 CHECKSUM IMAGE_DIGEST FILE_HASH ARTIFACT_SHA256 CONTENT_DIGEST',
    one(['{hex:64}', 'sha256:{hex:64}']),
  ],
  ['md5', 'MD5 ETAG CONTENT_MD5 ASSET_HASH CACHE_HASH FINGERPRINT', '{hex:32}'],
  [
    'trace-id',
    'TRACE_ID TRACEPARENT SPAN_ID X_REQUEST_ID',
    one(['{hex:32}', '00-{hex:32}-{hex:16}-01', '{hex:16}', 'Root=1-{hex:8}-{hex:24}']),
  ],
  [
    'object-id',
    'OBJECT_ID MONGO_ID PARENT_ID DOCUMENT_ID RECORD_ID',
    one(['{hex:24}', '01{updig:24}', '2{alnum:26}', '{digit:19}']),
  ],
  [
    'vendor-object-id',
    'CUSTOMER PRICE_ID PRODUCT_ID CHANNEL_ID PAYMENT_INTENT ACCOUNT_SID MESSAGE_ID FILE_ID',
    one([
      'cus_{alnum:14}',
      'price_1{alnum:23}',
      'prod_{alnum:14}',
      'C0{updig:9}',
      'pi_3{alnum:23}',
      'in_1{alnum:23}',
      'file-{alnum:24}',
      'thread_{alnum:24}',
      'evt_1{alnum:23}',
      'SM{hex:32}',
    ]),
  ],
  [
    'cloud-resource',
    'VPC_ID SUBNET_ID INSTANCE_ID ROLE_ARN KMS_KEY_ID DISTRIBUTION_ID CERTIFICATE_ARN SECURITY_GROUP',
    one([
      'vpc-0{hex:16}',
      'subnet-0{hex:16}',
      'i-0{hex:16}',
      'arn:aws:iam::{digit:12}:role/deploy',
      'arn:aws:kms:eu-west-1:{digit:12}:key/{uuid}',
      'E{updig:13}',
      'arn:aws:acm:eu-west-1:{digit:12}:certificate/{uuid}',
      'sg-0{hex:16}',
      'AROA{base32:16}',
    ]),
  ],
  [
    'publishable-key',
    'STRIPE_PUBLISHABLE_KEY NEXT_PUBLIC_STRIPE_KEY VITE_STRIPE_KEY',
    one(['pk_live_51{alnum:97}', 'pk_live_{alnum:24}', 'pk_test_{alnum:24}']),
  ],
  [
    'site-key',
    'RECAPTCHA_SITE_KEY TURNSTILE_SITE_KEY HCAPTCHA_SITEKEY',
    one(['6Ld{alnum:5}AAAAA{b64u:27}', '0x4AAAAAAA{alnum:14}', '{uuid}']),
  ],
  [
    'browser-key',
    'POSTHOG_PROJECT_KEY MAPBOX_PUBLIC_TOKEN GA_MEASUREMENT_ID SENTRY_DSN LD_CLIENT_SIDE_ID',
    (random) =>
      random.pick([
        `phc_${fill('{alnum:43}', random)}`,
        `pk.${json(random, { u: '{lower:8}', a: 'cm{lowdig:23}' })}.${fill('{bytesu:16}', random)}`,
        fill('G-{updig:10}', random),
        `https://${random.hex(32)}@o${fill('{digit:6}', random)}.ingest.sentry.io/${fill('{digit:7}', random)}`,
        random.hex(24),
      ]),
  ],
  [
    'chain-address',
    'CONTRACT_ADDRESS TOKEN_ADDRESS TREASURY TX_HASH TOKEN_CONTRACT',
    one(['0x{hex:40}', '0x{hex:64}', 'bc1q{lowbase32:38}', 'Qm{b58:44}', 'bafybei{lowbase32:52}']),
  ],
  [
    'number',
    'SECRET_NUMBER_OF_ROUNDS TOKEN_COUNT API_KEY_VERSION PHONE ISSUED_AT BUILD_NUMBER',
    one(['{digit:10}', '{digit:13}', '4', '120000', '+49 30 {digit:7}', '2026-05-1{digit:1}T10:00:00Z']),
  ],
  [
    'encrypted-sops',
    'DB_PASSWORD API_TOKEN STRIPE_KEY',
    (random) =>
      `ENC[AES256_GCM,data:${random.bytes(24).toString('base64')},iv:${random.bytes(32).toString('base64')},tag:${random.bytes(16).toString('base64')},type:str]`,
  ],
  [
    'encrypted-jasypt',
    'SPRING_DATASOURCE_PASSWORD KEYSTORE_PASSWORD API_TOKEN',
    (random) => `ENC(${random.bytes(48).toString('base64')})`,
  ],
  [
    'encrypted-eyaml',
    'PROFILE_DB_PASSWORD PROFILE_TOKEN',
    (random) => `ENC[PKCS7,${random.bytes(300).toString('base64')}]`,
  ],
  [
    'encrypted-kms',
    'ENCRYPTED_DB_PASSWORD TOKEN_CIPHERTEXT KMS_ENCRYPTED_SECRET',
    (random) => `AQICAHh${random.bytes(140).toString('base64')}`,
  ],
])
