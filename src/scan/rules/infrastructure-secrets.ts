import type { Rule } from '../engine/index.ts'

/** Pulumi, Doppler, Infisical, 1Password and Akeyless. */
export const infrastructureSecretsRules: readonly Rule[] = [
  {
    id: 'pulumi-access-token',
    title: 'Pulumi access token',
    vendor: 'Pulumi',
    source: 'https://www.pulumi.com/blog/github-token-scanning-service/',
    keywords: ['pul-'],
    pattern: '(?:^|[^A-Za-z0-9_-])(pul-[a-f0-9]{40})(?:[^A-Za-z0-9_-]|$)',
    confidence: 'certain',
    entropy: 3,
    connection: 'http',
    revoke: 'https://app.pulumi.com/account/tokens',
    examples: {
      positive: ['PULUMI_ACCESS_TOKEN=pul-{hex:40}', 'Authorization: token pul-{hex:40}'],
      negative: [
        'pul-{hex:20}',
        'pul-{upper:40}',
        'pul-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
        'pul-0000000000000000000000000000000000000000',
      ],
    },
  },
  {
    id: 'doppler-token',
    title: 'Doppler token',
    vendor: 'Doppler',
    source: 'https://nango.dev/docs/api-integrations/doppler/connect',
    keywords: ['dp.pt.', 'dp.ct.', 'dp.sa.', 'dp.said.', 'dp.scim.', 'dp.audit.'],
    pattern:
      '(?:^|[^A-Za-z0-9_-])(dp\\.(?:pt|ct|sa|said|scim|audit)\\.[A-Za-z0-9]{40,44})(?:[^A-Za-z0-9_-]|$)',
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'Doppler dashboard, tokens: revoke.',
    examples: {
      positive: [
        'DOPPLER_TOKEN=dp.pt.{alnum:43}',
        'token: dp.ct.{alnum:40}',
        'Authorization: Bearer dp.sa.{alnum:44}',
      ],
      negative: ['dp.pt.{alnum:10}', 'dp.pt.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx', 'dp.xx.{alnum:40}'],
    },
  },
  {
    id: 'doppler-service-token',
    title: 'Doppler service token',
    vendor: 'Doppler',
    source: 'https://docs.doppler.com/docs/service-tokens',
    keywords: ['dp.st.'],
    pattern: '(?:^|[^A-Za-z0-9_-])(dp\\.st\\.(?:[a-z0-9_-]{2,35}\\.)?[A-Za-z0-9]{40,44})(?:[^A-Za-z0-9_-]|$)',
    confidence: 'certain',
    entropy: 3,
    connection: 'http',
    revoke: 'Doppler dashboard, the config, access: revoke.',
    examples: {
      positive: [
        'DOPPLER_TOKEN=dp.st.prd.{alnum:40}',
        'doppler run --token dp.st.dev_me.{alnum:43}',
        'dp.st.{alnum:40}',
      ],
      negative: [
        'dp.st.prd.xxxx',
        'dp.st.prd.{alnum:10}',
        'dp.st.prd.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
      ],
    },
  },
  {
    id: 'infisical-service-token',
    title: 'Infisical service token',
    vendor: 'Infisical',
    source: 'https://infisical.com/docs/documentation/platform/token',
    keywords: ['infisical'],
    pattern:
      'infisical[A-Za-z0-9_ .\\-]{0,20}["\']?\\s{0,5}(?:=|:|=>|:=)\\s{0,5}["\']?(st\\.[0-9a-f-]{24,36}\\.[0-9a-f]{32}\\.[0-9a-f]{32})(?:[^A-Za-z0-9_-]|$)',
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3,
    allow: ['^st\\.63e03c4a97cb4a747186c71e'],
    connection: 'http',
    revoke: 'Infisical, the project, access control, service tokens.',
    examples: {
      positive: [
        'INFISICAL_TOKEN=st.{hex:24}.{hex:32}.{hex:32}',
        'infisical_token: "st.{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}.{hex:32}.{hex:32}"',
      ],
      negative: [
        'INFISICAL_TOKEN=st.{hex:24}.{hex:8}',
        'INFISICAL_TOKEN=${{INFISICAL_TOKEN}',
        'INFISICAL_TOKEN=st.xxx.yyy.zzz',
      ],
    },
  },
  {
    id: 'infisical-client-secret',
    title: 'Infisical machine identity client secret',
    vendor: 'Infisical',
    source: 'https://infisical.com/docs/documentation/platform/identities/universal-auth',
    keywords: ['infisical'],
    pattern:
      'infisical[A-Za-z0-9_.\\-]{0,20}client_?secret["\']?\\s{0,5}(?:=|:)\\s{0,5}["\']?([0-9a-f]{64})(?:[^A-Za-z0-9_-]|$)',
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'Infisical, the identity, universal auth: revoke.',
    examples: {
      positive: ['INFISICAL_CLIENT_SECRET={hex:64}', 'INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET="{hex:64}"'],
      negative: [
        'INFISICAL_CLIENT_SECRET={hex:32}',
        'INFISICAL_CLIENT_SECRET=${{S}',
        'INFISICAL_CLIENT_ID={hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
      ],
    },
  },
  {
    id: '1password-service-account-token',
    title: '1Password service account token',
    vendor: '1Password',
    source: 'https://developer.1password.com/docs/service-accounts/security',
    keywords: ['ops_eyJ'],
    pattern: '(?:^|[^A-Za-z0-9_-])(ops_eyJ[A-Za-z0-9+/_-]{250,}={0,3})(?:[^A-Za-z0-9+/=_-]|$)',
    reach: 4096,
    check: 'json',
    confidence: 'likely',
    entropy: 4,
    connection: 'http',
    revoke: 'https://start.1password.com/developer-tools/infrastructure-secrets/serviceaccount',
    examples: {
      positive: [
        'OP_SERVICE_ACCOUNT_TOKEN=ops_{json64:signInAddress,userAuth,email,srpX,muk,secretKey,throttleSecret,deviceUuid}',
        'export OP_SERVICE_ACCOUNT_TOKEN="ops_{json64:email,muk,secretKey,srpX,throttleSecret,signInAddress,deviceUuid}"',
      ],
      negative: ['ops_eyJ{base64:40}', 'ops_eyJzaWduSW5BZGRyZXNzIjoi...', 'ops_<token>'],
    },
  },
  {
    id: '1password-secret-key',
    title: '1Password account Secret Key',
    vendor: '1Password',
    source: 'https://support.1password.com/secret-key-security/',
    keywords: ['A3-'],
    pattern:
      '(?:^|[^A-Za-z0-9_-])(A3-[A-Z0-9]{6}-[A-Z0-9]{6}-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5})(?:[^A-Za-z0-9_-]|$)',
    confidence: 'certain',
    entropy: 3,
    allow: ['^A3-ASWWYB-798JRY'],
    revoke: 'https://my.1password.com/profile: regenerate the Secret Key',
    examples: {
      positive: [
        'op account add --secret-key A3-{uppernum:6}-{uppernum:6}-{uppernum:5}-{uppernum:5}-{uppernum:5}-{uppernum:5}',
        'OP_SECRET_KEY=A3-{uppernum:6}-{uppernum:6}-{uppernum:5}-{uppernum:5}-{uppernum:5}-{uppernum:5}',
      ],
      negative: [
        'A3-{uppernum:6}-{uppernum:6}',
        'A3-XXXXXX-XXXXXX-XXXXX-XXXXX-XXXXX-XXXXX',
        'A3-{lower:6}-{lower:6}-{lower:5}-{lower:5}-{lower:5}-{lower:5}',
      ],
    },
  },
  {
    id: 'akeyless-access-key',
    title: 'Akeyless access key',
    vendor: 'Akeyless',
    source: 'https://docs.akeyless.io/docs/api-key',
    keywords: ['akeyless'],
    pattern:
      'akeyless[A-Za-z0-9_.\\-]{0,12}access_?key["\']?\\s{0,5}(?:=|:)\\s{0,5}["\']?([A-Za-z0-9+/]{43}=)',
    ignoreCase: true,
    confidence: 'likely',
    entropy: 4,
    connection: 'http',
    revoke: 'Akeyless console, auth methods: reset the access key.',
    examples: {
      positive: ['AKEYLESS_ACCESS_KEY={base64:43}=', 'akeyless_access_key: "{base64:43}="'],
      negative: [
        'AKEYLESS_ACCESS_KEY={base64:20}=',
        'AKEYLESS_ACCESS_KEY=${{KEY}',
        'AKEYLESS_ACCESS_ID=p-{lowernum:14}',
      ],
    },
  },
]
