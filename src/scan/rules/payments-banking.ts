import type { Rule } from '../engine/index.ts'

export const paymentsBankingRules: readonly Rule[] = [
  {
    id: 'plaid-access-token',
    title: 'Plaid access token',
    vendor: 'Plaid',
    source: 'https://plaid.com/docs/quickstart/glossary/',
    keywords: ['access-production-', 'access-development-', 'access-sandbox-'],
    pattern:
      '(?:^|[^A-Za-z0-9_-])(access-(?:production|development|sandbox)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?:[^A-Za-z0-9_-]|$)',
    confidence: 'certain',
    distinct: true,
    allow: ['^access-sandbox-de3ce8ef-33f8', '^access-sandbox-7c69d345'],
    connection: 'http',
    revoke: 'Call /item/remove or /item/access_token/invalidate.',
    examples: {
      positive: [
        'PLAID_ACCESS_TOKEN=access-production-{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
        '"access_token": "access-sandbox-{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}"',
      ],
      negative: [
        'access-production-{hex:32}',
        'public-production-{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
        'access-production-<uuid>',
      ],
    },
  },
  {
    id: 'plaid-secret',
    title: 'Plaid API secret',
    vendor: 'Plaid',
    source: 'https://plaid.com/docs/quickstart/',
    keywords: ['plaid'],
    pattern:
      '(?:plaid|PLAID|Plaid)[A-Za-z0-9_.\\-]{0,20}["\']?[ \\t]{0,5}(?:=>|:=|=|:)[ \\t]{0,5}["\']?([0-9a-f]{30})(?:[^A-Za-z0-9_-]|$)',
    confidence: 'likely',
    entropy: 2.7,
    connection: 'http',
    revoke: 'Plaid Dashboard, Developers, Keys: rotate the secret.',
    examples: {
      positive: ['PLAID_SECRET={hex:30}', '"plaid_secret": "{hex:30}"'],
      negative: ['PLAID_CLIENT_ID={hex:24}', 'PLAID_SECRET={hex:40}', 'PLAID_SECRET=your_secret'],
    },
  },
  {
    id: 'gocardless-access-token',
    title: 'GoCardless access token',
    vendor: 'GoCardless',
    source: 'https://developer.gocardless.com/getting-started/api/making-your-first-request/',
    keywords: ['gocardless', 'gc_access_token'],
    pattern:
      '(?:gocardless|GOCARDLESS|GoCardless|GC_ACCESS_TOKEN|gc_access_token)[A-Za-z0-9_.\\-]{0,20}["\']?[ \\t]{0,5}(?:=>|:=|=|:)[ \\t]{0,5}["\']?((?:live|sandbox)_[A-Za-z0-9_-]{40})(?:[^A-Za-z0-9_-]|$)',
    confidence: 'likely',
    entropy: 2.7,
    connection: 'http',
    revoke: 'GoCardless Dashboard, Developers: delete the access token.',
    examples: {
      positive: ['GOCARDLESS_ACCESS_TOKEN=live_{base64url:40}', 'GC_ACCESS_TOKEN: "sandbox_{base64url:40}"'],
      negative: [
        'GOCARDLESS_ACCESS_TOKEN=live_{alnum:20}',
        'GOCARDLESS_ENV=live',
        'GOCARDLESS_ACCESS_TOKEN=live_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
      ],
    },
  },
  {
    id: 'wise-api-token',
    title: 'Wise API token',
    vendor: 'Wise',
    source: 'https://docs.wise.com/api-docs/features/authentication-access',
    keywords: ['wise_', 'wiseapi', 'wisetoken', 'wisekey'],
    pattern:
      '(?:wise|WISE|transferwise|TRANSFERWISE|TransferWise)_?(?:API_?)?(?:api_?)?(?:token|TOKEN|key|KEY|Token)["\']?[ \\t]{0,5}(?:=>|:=|=|:)[ \\t]{0,5}["\']?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?:[^A-Za-z0-9_-]|$)',
    confidence: 'possible',
    entropy: 2.5,
    connection: 'http',
    revoke: 'Wise, Settings, API tokens: revoke the token.',
    examples: {
      positive: [
        'WISE_API_TOKEN={hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
        '"transferwise_token": "{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}"',
      ],
      negative: [
        'WISE_PROFILE_ID={hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
        'WISE_API_TOKEN=00000000-0000-0000-0000-000000000000',
        'WISE_API_TOKEN=<token>',
      ],
    },
  },
  {
    id: 'coinbase-cdp-secret',
    title: 'Coinbase Developer Platform key secret (Ed25519)',
    vendor: 'Coinbase',
    source: 'https://docs.cdp.coinbase.com/get-started/authentication/cdp-api-keys',
    keywords: ['cdp_', 'coinbase'],
    pattern:
      '(?:CDP_|cdp_|coinbase|COINBASE|Coinbase)[A-Za-z0-9_.\\-]{0,20}["\']?[ \\t]{0,5}(?:=>|:=|=|:)[ \\t]{0,5}["\']?([A-Za-z0-9+/]{86}==)(?:[^A-Za-z0-9+/=]|$)',
    confidence: 'likely',
    entropy: 2.7,
    connection: 'http',
    revoke: 'portal.cdp.coinbase.com, API keys: delete the key.',
    examples: {
      positive: ['CDP_API_KEY_SECRET={base64:86}==', '"coinbase_secret": "{base64:86}=="'],
      negative: [
        'CDP_API_KEY_SECRET={base64:40}==',
        'CDP_API_KEY_ID={hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
        'CDP_API_KEY_SECRET=${{CDP_SECRET}',
      ],
    },
  },
  {
    id: 'coinbase-legacy-secret',
    title: 'Coinbase API secret (old form)',
    vendor: 'Coinbase',
    source: 'https://docs.cdp.coinbase.com/coinbase-app/authentication-authorization/api-key-authentication',
    keywords: ['coinbase'],
    pattern:
      '(?:coinbase|COINBASE|Coinbase)_?(?:api_?|API_?)?(?:secret|SECRET|Secret)["\']?[ \\t]{0,5}(?:=>|:=|=|:)[ \\t]{0,5}["\']?([A-Za-z0-9]{32})(?:[^A-Za-z0-9_-]|$)',
    confidence: 'possible',
    entropy: 2.7,
    connection: 'http',
    revoke: 'Coinbase, Settings, API: disable the key.',
    examples: {
      positive: ['COINBASE_API_SECRET={alnum:32}', 'coinbase_secret: "{alnum:32}"'],
      negative: [
        'COINBASE_API_KEY={alnum:16}',
        'COINBASE_API_SECRET=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
        'COINBASE_API_SECRET=${{SECRET}',
      ],
    },
  },
  {
    id: 'binance-api-secret',
    title: 'Binance API secret',
    vendor: 'Binance',
    source: 'https://developers.binance.com/docs/binance-spot-api-docs/rest-api/request-security',
    keywords: ['binance'],
    pattern:
      '(?:binance|BINANCE|Binance)_?(?:api_?|API_?)?(?:secret|SECRET|Secret)[A-Za-z0-9_.\\-]{0,20}["\']?[ \\t]{0,5}(?:=>|:=|=|:)[ \\t]{0,5}["\']?([A-Za-z0-9]{64})(?:[^A-Za-z0-9_-]|$)',
    confidence: 'likely',
    entropy: 2.7,
    connection: 'http',
    revoke: 'Binance, API Management: delete the key.',
    examples: {
      positive: ['BINANCE_API_SECRET={alnum:64}', '"binance_secret_key": "{alnum:64}"'],
      negative: [
        'BINANCE_API_SECRET={alnum:32}',
        'BINANCE_API_SECRET=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
      ],
    },
  },
]
