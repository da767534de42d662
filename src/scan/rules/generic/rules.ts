import type { Rule } from '../../engine/index.ts'

/** What stands behind the last word of a name, where that word is too common by itself. */
const behind = ['=', ':', '"', "'", '`', '>', ' =', ' :', ']', '\\']

const rewrite =
  'Take it out of the file, replace it where it is accepted, and give it to the step by a connection.'

/** Secrets of no vendor: what is given to a name that says so, in any language. Read by `find.ts` and not by a pattern. */
export const genericRules: readonly Rule[] = [
  {
    id: 'generic-password',
    title: 'Password that a name is given',
    vendor: 'Generic',
    source: 'https://cwe.mitre.org/data/definitions/259.html',
    keywords: [
      'passw',
      'passphrase',
      'passcode',
      'pwd',
      '_pass_',
      ...behind.flatMap((end) => [`pass${end}`, `_pw${end}`]),
    ],
    pattern: '',
    finder: 'named-password',
    confidence: 'possible',
    revoke: rewrite,
    examples: {
      positive: [
        'DB_PASSWORD={alnum:10}{digits:2}',
        "  password: '{alnum:10}!{digits:1}'",
        '<property name="db.password" value="{alnum:12}#{digits:2}"/>',
        "$config['mail_pass'] = '{alnum:8}%{digits:2}';",
        '- name: DB_PASSWORD\n  value: {alnum:14}{digits:2}',
      ],
      negative: [
        'password = "changeme"',
        'password: ${{ secrets.DB_PASSWORD }}',
        'password = process.env.PASSWORD2',
        'passwordHint = "{alnum:12}{digits:2}"',
        'password = read_password(prompt2)',
        '"forgotPassword": "Passwort vergessen?"',
        'POSTGRES_PASSWORD: postgres',
        'password: <your-password-1>',
        'password = "********"',
      ],
    },
  },
  {
    id: 'generic-secret',
    title: 'Secret, token or key that a name is given',
    vendor: 'Generic',
    source: 'https://cwe.mitre.org/data/definitions/798.html',
    keywords: [
      ...[
        'secret',
        'token',
        'credential',
        'apikey',
        'api_key',
        'api-key',
        'accesskey',
        'access_key',
        'access-key',
      ],
      ...[
        'privatekey',
        'private_key',
        'private-key',
        'authkey',
        'auth_key',
        'auth-key',
        'bearer',
        'crypt_key',
      ],
      ...behind.flatMap((end) => [`key${end}`, `auth${end}`, `_pat${end}`]),
    ],
    pattern: '',
    finder: 'named-secret',
    confidence: 'likely',
    revoke: rewrite,
    examples: {
      positive: [
        'export ACME_API_TOKEN={alnum:38}{digits:2}',
        "const apiKey: string = '{alnum:30}{digits:2}'",
        'SECRET_KEY = os.getenv("SECRET_KEY", "{alnum:38}{digits:2}")',
        '"client_secret": "{alnum:36}{digits:2}"',
        'https://files.internal/a?access_token={alnum:30}{digits:2}&page=2',
        '<add key="ApiSecret" value="{alnum:30}{digits:2}"/>',
        "encryption_key = b'{alnum:30}{digits:2}'",
        'acme_api_key: {hex:30}{digits:2}',
      ],
      negative: [
        'api_key = "YOUR_API_KEY_1234567890"',
        'const token = config.auth.tokens.primary2',
        'token: {{{{ .Values.auth.token2 }}',
        'secret = "{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}"',
        '"token_sha256": "{hex:64}"',
        'public_key = "{base64:40}"',
        'csrf_token = "{alnum:32}"',
        'tokenizer = "bert-base-uncased-v2-2024"',
        'private_key_path: /etc/ssl/{alnum:20}.pem',
        'api_key = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"',
        'token = "ghp_{alnum:36}"',
      ],
    },
  },
]
