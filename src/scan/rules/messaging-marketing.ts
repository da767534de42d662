import type { Rule } from '../engine/index.ts'

export const messagingMarketingRules: readonly Rule[] = [
  {
    id: 'customer-io-key',
    title: 'Customer.io App or Track API key',
    vendor: 'Customer.io',
    source: 'https://docs.customer.io/accounts-and-workspaces/managing-credentials/',
    keywords: ['customerio', 'customer_io'],
    pattern:
      '(?:customerio|CUSTOMERIO|CUSTOMER_IO)[A-Za-z0-9_.\\-]{0,20}["\']?[ \\t]{0,5}(?:=>|:=|=|:)[ \\t]{0,5}["\']?([0-9a-f]{20}|[0-9a-f]{32})(?:[^A-Za-z0-9_-]|$)',
    confidence: 'possible',
    entropy: 2.7,
    connection: 'http',
    revoke: 'Customer.io, Account settings, API Credentials: delete the key.',
    examples: {
      positive: ['CUSTOMERIO_API_KEY={hex:32}', '"customerio_api_key": "{hex:32}"'],
      negative: [
        'CUSTOMERIO_API_KEY=your-api-key',
        'CUSTOMERIO_API_KEY=${{CUSTOMERIO_API_KEY}',
        'customerio_api_key: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
      ],
    },
  },
  {
    id: 'klaviyo-private-key',
    title: 'Klaviyo private API key',
    vendor: 'Klaviyo',
    source: 'https://developers.klaviyo.com/en/docs/retrieve_api_credentials',
    keywords: ['klaviyo'],
    pattern:
      '(?:klaviyo|KLAVIYO|Klaviyo)[A-Za-z0-9_.\\-]{0,20}["\']?[ \\t]{0,5}(?:=>|:=|=|:)[ \\t]{0,5}["\']?((?:[Kk]laviyo-[Aa][Pp][Ii]-[Kk]ey )?pk_(?:[A-Za-z0-9]{6}_)?[0-9a-f]{34})(?:[^A-Za-z0-9_-]|$)',
    confidence: 'likely',
    entropy: 2.7,
    connection: 'http',
    revoke: 'Klaviyo, Settings, API keys: delete the key.',
    examples: {
      positive: ['KLAVIYO_API_KEY=pk_{hex:34}', '"klaviyo_api_key": "pk_{hex:34}"'],
      negative: [
        'KLAVIYO_API_KEY=your-api-key',
        'KLAVIYO_API_KEY=${{KLAVIYO_API_KEY}',
        'klaviyo_api_key: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
        'KLAVIYO_PUBLIC_KEY={alnum:6}',
      ],
    },
  },
  {
    id: 'intercom-access-token',
    title: 'Intercom access token',
    vendor: 'Intercom',
    source: 'https://developers.intercom.com/docs/build-an-integration/learn-more/authentication',
    keywords: ['dG9rO'],
    pattern:
      '(?:intercom|INTERCOM|Intercom)[A-Za-z0-9_.\\-]{0,20}["\']?[ \\t]{0,5}(?:=>|:=|=|:)[ \\t]{0,5}["\']?(dG9rO[A-Za-z0-9+/]{54,70}={0,2})(?:[^A-Za-z0-9_-]|$)',
    confidence: 'likely',
    entropy: 2.7,
    connection: 'http',
    revoke: 'Intercom Developer Hub, the app, Authentication: regenerate the token.',
    examples: {
      positive: ['INTERCOM_ACCESS_TOKEN=dG9rO{base64:55}', '"intercom_access_token": "dG9rO{base64:55}"'],
      negative: [
        'INTERCOM_ACCESS_TOKEN=your-access-token',
        'INTERCOM_ACCESS_TOKEN=${{INTERCOM_ACCESS_TOKEN}',
        'intercom_access_token: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
        'INTERCOM_APP_ID={lowernum:8}',
      ],
    },
  },
  {
    id: 'zendesk-api-token',
    title: 'Zendesk API token',
    vendor: 'Zendesk',
    source: 'https://developer.zendesk.com/api-reference/introduction/security-and-auth/',
    keywords: ['zendesk'],
    pattern:
      '(?:zendesk|ZENDESK|Zendesk)[A-Za-z0-9_.\\-]{0,20}["\']?[ \\t]{0,5}(?:=>|:=|=|:)[ \\t]{0,5}["\']?([A-Za-z0-9]{40})(?:[^A-Za-z0-9_-]|$)',
    confidence: 'likely',
    entropy: 2.7,
    connection: 'http',
    revoke: 'Zendesk Admin Center, Apps and integrations, APIs: delete the token.',
    examples: {
      positive: ['ZENDESK_API_TOKEN={alnum:40}', '"zendesk_api_token": "{alnum:40}"'],
      negative: [
        'ZENDESK_API_TOKEN=your-api-token',
        'ZENDESK_API_TOKEN=${{ZENDESK_API_TOKEN}',
        'zendesk_api_token: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
        'ZENDESK_API_TOKEN={alnum:12}',
      ],
    },
  },
]
