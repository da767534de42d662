import type { Rule } from '../engine/index.ts'

export const saasLogisticsRules: readonly Rule[] = [
  {
    id: 'duffel-token',
    title: 'Duffel access token',
    vendor: 'Duffel',
    source: 'https://duffel.com/docs/api/overview/test-mode',
    keywords: ['duffel_live_', 'duffel_test_'],
    pattern: '(?:^|[^A-Za-z0-9_-])(duffel_(?:live|test)_[A-Za-z0-9_=-]{43})(?:[^A-Za-z0-9_-]|$)',
    confidence: 'likely',
    entropy: 2.7,
    connection: 'http',
    revoke: 'Duffel, Developers, Access tokens: delete the token.',
    examples: {
      positive: [
        'DUFFEL_TOKEN=duffel_live_{base64url:42}A',
        '-H "Authorization: Bearer duffel_live_{base64url:42}A"',
        "token: 'duffel_live_{base64url:42}A'",
      ],
      negative: [
        'DUFFEL_TOKEN=duffel_live_xxxxxxxx',
        'duffel_live_<token>',
        'duffel_live_${{TOKEN}',
        'duffel_live_{alnum:10}',
      ],
    },
  },
  {
    id: 'easypost-api-key',
    title: 'EasyPost API key',
    vendor: 'EasyPost',
    source: 'https://docs.easypost.com/docs/authentication',
    keywords: ['EZAK', 'EZTK'],
    pattern: '(?:^|[^A-Za-z0-9_-])(EZ[AT]K[A-Za-z0-9]{54})(?:[^A-Za-z0-9_-]|$)',
    confidence: 'likely',
    entropy: 2.7,
    connection: 'http',
    revoke: 'EasyPost, API Keys: disable the key.',
    examples: {
      positive: [
        'EASYPOST_API_KEY=EZAK{hex:32}{alnum:22}',
        '-H "Authorization: Bearer EZAK{hex:32}{alnum:22}"',
        "token: 'EZAK{hex:32}{alnum:22}'",
      ],
      negative: ['EASYPOST_API_KEY=EZAKxxxxxxxx', 'EZAK<token>', 'EZAK${{TOKEN}', 'EZAK{alnum:10}'],
    },
  },
  {
    id: 'shippo-token',
    title: 'Shippo API token',
    vendor: 'Shippo',
    source: 'https://docs.goshippo.com/docs/guides_general/authentication',
    keywords: ['shippo_live_', 'shippo_test_'],
    pattern: '(?:^|[^A-Za-z0-9_-])(shippo_(?:live|test)_[0-9a-f]{40})(?:[^A-Za-z0-9_-]|$)',
    confidence: 'certain',
    distinct: true,
    entropy: 2.7,
    connection: 'http',
    revoke: 'Shippo, API configuration: delete the token.',
    examples: {
      positive: [
        'SHIPPO_TOKEN=shippo_live_{hex:40}',
        '-H "Authorization: Bearer shippo_live_{hex:40}"',
        "token: 'shippo_live_{hex:40}'",
      ],
      negative: [
        'SHIPPO_TOKEN=shippo_live_xxxxxxxx',
        'shippo_live_<token>',
        'shippo_live_${{TOKEN}',
        'shippo_live_{hex:10}',
      ],
    },
  },
  {
    id: 'lob-api-key',
    title: 'Lob API key',
    vendor: 'Lob',
    source: 'https://docs.lob.com/#tag/Authentication',
    keywords: ['lob_', 'lob.', 'lob-', 'lobapi', 'lobsecret'],
    pattern:
      '(?:lob|LOB|Lob)[_.-]?(?:api|API|Api|secret|SECRET|Secret)[A-Za-z0-9_.\\-]{0,12}["\']?[ \\t]{0,5}(?:=>|:=|=|:)[ \\t]{0,5}["\']?((?:live|test)_[0-9a-f]{35})(?:[^A-Za-z0-9_-]|$)',
    confidence: 'likely',
    entropy: 2.7,
    connection: 'http',
    revoke: 'Lob, Settings, API Keys: delete the key.',
    examples: {
      positive: ['LOB_API_KEY=live_{hex:35}', '"lob_api_key": "live_{hex:35}"'],
      negative: [
        'LOB_API_KEY=your-api-key',
        'LOB_API_KEY=${{LOB_API_KEY}',
        'lob_api_key: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
        'LOB_API_KEY=live_pub_{hex:31}',
        'GLOB_PATTERN=live_x',
      ],
    },
  },
  {
    id: 'docusign-client-secret',
    title: 'DocuSign client secret',
    vendor: 'DocuSign',
    source: 'https://developers.docusign.com/platform/auth/authcode/authcode-get-token/',
    keywords: ['docusign'],
    pattern:
      '(?:docusign|DOCUSIGN|DocuSign)[A-Za-z0-9_.\\-]{0,20}["\']?[ \\t]{0,5}(?:=>|:=|=|:)[ \\t]{0,5}["\']?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?:[^A-Za-z0-9_-]|$)',
    confidence: 'possible',
    entropy: 2.7,
    connection: 'http',
    revoke: 'DocuSign, Apps and Keys: delete the secret.',
    examples: {
      positive: [
        'DOCUSIGN_SECRET={hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
        '"docusign_secret": "{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}"',
      ],
      negative: [
        'DOCUSIGN_SECRET=your-secret',
        'DOCUSIGN_SECRET=${{DOCUSIGN_SECRET}',
        'docusign_secret: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
      ],
    },
  },
]
