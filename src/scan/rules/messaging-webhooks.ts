import type { Rule } from '../engine/index.ts'

export const messagingWebhooksRules: readonly Rule[] = [
  {
    id: 'teams-webhook',
    title: 'Microsoft Teams incoming webhook',
    vendor: 'Microsoft',
    source:
      'https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook',
    keywords: ['/IncomingWebhook/'],
    pattern:
      '(https://(?:[a-z0-9-]{1,60}\\.webhook|outlook)\\.office(?:365)?\\.com/webhook(?:b2)?/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}@[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/IncomingWebhook/[0-9a-zA-Z_-]{32,80}/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?:/[A-Za-z0-9_-]{20,80})?)(?:[^A-Za-z0-9_-]|$)',
    confidence: 'certain',
    distinct: true,
    connection: 'http',
    revoke: 'Teams, the channel, Connectors: remove the webhook.',
    examples: {
      positive: [
        'TEAMS_WEBHOOK=https://acme.webhook.office.com/webhookb2/{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}@{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}/IncomingWebhook/{hex:32}/{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
        'uri: "https://outlook.office.com/webhook/{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}@{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}/IncomingWebhook/{hex:32}/{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}"',
      ],
      negative: [
        'https://acme.webhook.office.com/webhookb2/<guid>@<guid>/IncomingWebhook/<id>/<guid>',
        'https://outlook.office.com/webhook/{tokenA|x}/IncomingWebhook/b/c',
      ],
    },
  },
  {
    id: 'teams-workflow-webhook',
    title: 'Power Automate workflow webhook (Teams)',
    vendor: 'Microsoft',
    source:
      'https://support.microsoft.com/en-us/office/create-incoming-webhooks-with-workflows-for-microsoft-teams-8ae491c7-0394-4861-ba59-055e33f75498',
    keywords: ['/triggers/manual/paths/invoke'],
    pattern:
      '(https://[a-z0-9.-]{5,120}\\.api\\.powerplatform\\.com(?::443)?/[A-Za-z0-9/_-]{20,160}/triggers/manual/paths/invoke\\?[A-Za-z0-9%&=._/-]{0,120}sig=[A-Za-z0-9_%-]{40,60})(?:[^A-Za-z0-9_-]|$)',
    reach: 512,
    confidence: 'certain',
    connection: 'http',
    revoke: 'Power Automate: delete the flow, or make its trigger again.',
    examples: {
      positive: [
        'TEAMS_WEBHOOK=https://default{hex:30}.{hex:2}.environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/{hex:32}/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={base64url:43}',
        'url: https://default{hex:30}.{hex:2}.environment.api.powerplatform.com/powerautomate/automations/direct/workflows/{hex:32}/triggers/manual/paths/invoke?api-version=1&sig={base64url:43}',
      ],
      negative: [
        'https://a.environment.api.powerplatform.com/workflows/{hex:32}/triggers/manual/paths/invoke?sig=<signature>',
        'https://a.environment.api.powerplatform.com/workflows/{hex:32}/runs',
      ],
    },
  },
  {
    id: 'google-chat-webhook',
    title: 'Google Chat webhook',
    vendor: 'Google',
    source: 'https://developers.google.com/workspace/chat/quickstart/webhooks',
    keywords: ['chat.googleapis.com/v1/spaces/'],
    pattern:
      '(https://chat\\.googleapis\\.com/v1/spaces/[A-Za-z0-9_-]{8,20}/messages\\?key=AIza[A-Za-z0-9_-]{35}&token=[A-Za-z0-9_%-]{30,80})(?:[^A-Za-z0-9_-]|$)',
    confidence: 'certain',
    connection: 'http',
    revoke: 'Google Chat, the space, Apps & integrations: delete the webhook.',
    examples: {
      positive: [
        'GCHAT_WEBHOOK=https://chat.googleapis.com/v1/spaces/{alnum:11}/messages?key=AIza{base64url:35}&token={base64url:43}%3D',
        '"https://chat.googleapis.com/v1/spaces/{alnum:11}/messages?key=AIza{base64url:35}&token={base64url:43}"',
      ],
      negative: [
        'https://chat.googleapis.com/v1/spaces/SPACE_ID/messages?key=KEY&token=TOKEN',
        'https://chat.googleapis.com/v1/spaces/{alnum:11}/messages',
      ],
    },
  },
  {
    id: 'chat-robot-webhook',
    title: 'Feishu, DingTalk or WeCom robot webhook',
    vendor: 'Feishu, DingTalk, WeCom',
    source: 'https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot',
    keywords: ['/bot/v2/hook/', 'robot/send?access_token=', 'webhook/send?key='],
    pattern:
      '(https://(?:open\\.(?:feishu\\.cn|larksuite\\.com)/open-apis/bot/v2/hook/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|oapi\\.dingtalk\\.com/robot/send\\?access_token=[0-9a-f]{64}|qyapi\\.weixin\\.qq\\.com/cgi-bin/webhook/send\\?key=[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}))(?:[^A-Za-z0-9_-]|$)',
    confidence: 'certain',
    distinct: true,
    entropy: 2.7,
    connection: 'http',
    revoke: 'In the group, settings of the robot: remove it.',
    examples: {
      positive: [
        'FEISHU=https://open.feishu.cn/open-apis/bot/v2/hook/{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
        'https://oapi.dingtalk.com/robot/send?access_token={hex:64}',
        '"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}"',
      ],
      negative: [
        'https://open.feishu.cn/open-apis/bot/v2/hook/xxxxxxxxxxxxxxxxx',
        'https://oapi.dingtalk.com/robot/send?access_token=XXXXXX',
      ],
    },
  },
  {
    id: 'onesignal-api-key',
    title: 'OneSignal API key',
    vendor: 'OneSignal',
    source: 'https://documentation.onesignal.com/docs/keys-and-ids',
    keywords: ['os_v2_app_', 'os_v2_org_'],
    pattern: '(?:^|[^A-Za-z0-9_-])(os_v2_(?:app|org)_[a-z2-7]{90,110})(?:[^A-Za-z0-9_-]|$)',
    confidence: 'likely',
    distinct: true,
    entropy: 2.7,
    connection: 'http',
    revoke: 'OneSignal, Settings, Keys & IDs: delete the key.',
    examples: {
      positive: [
        'ONESIGNAL_API_KEY=os_v2_app_{lower:103}',
        '-H "Authorization: Bearer os_v2_app_{lower:103}"',
        "token: 'os_v2_app_{lower:103}'",
      ],
      negative: [
        'ONESIGNAL_API_KEY=os_v2_app_xxxxxxxx',
        'os_v2_app_<token>',
        'os_v2_app_${{TOKEN}',
        'os_v2_app_{lower:20}',
      ],
    },
  },
  {
    id: 'courier-api-key',
    title: 'Courier API key',
    vendor: 'Courier',
    source: 'https://www.courier.com/docs/reference/get-started',
    keywords: ['pk_prod_', 'pk_test_'],
    pattern: '(?:^|[^A-Za-z0-9_-])(pk_(?:prod|test)_[A-Z0-9]{28})(?:[^A-Za-z0-9_-]|$)',
    confidence: 'likely',
    entropy: 2.7,
    connection: 'http',
    revoke: 'Courier, Settings, API Keys: rotate the key.',
    examples: {
      positive: [
        'COURIER_AUTH_TOKEN=pk_prod_{uppernum:28}',
        '-H "Authorization: Bearer pk_prod_{uppernum:28}"',
        "token: 'pk_prod_{uppernum:28}'",
      ],
      negative: [
        'COURIER_AUTH_TOKEN=pk_prod_xxxxxxxx',
        'pk_prod_<token>',
        'pk_prod_${{TOKEN}',
        'pk_test_{alnum:24}',
        'pk_prod_{lower:28}',
      ],
    },
  },
  {
    id: 'line-channel-access-token',
    title: 'LINE channel access token',
    vendor: 'LINE',
    source: 'https://developers.line.biz/en/docs/basics/channel-access-token/',
    keywords: ['1O/w1cDnyilFU='],
    pattern: '(?:^|[^A-Za-z0-9+/])([A-Za-z0-9+/]{140,180}1O/w1cDnyilFU=)(?:[^A-Za-z0-9+/=]|$)',
    reach: 512,
    confidence: 'likely',
    entropy: 2.7,
    connection: 'http',
    revoke: 'LINE Developers Console, the channel, Messaging API: reissue the token.',
    examples: {
      positive: [
        'LINE_CHANNEL_ACCESS_TOKEN={base64:157}/1O/w1cDnyilFU=',
        '"channelAccessToken": "{base64:157}/1O/w1cDnyilFU="',
      ],
      negative: ['LINE_CHANNEL_ACCESS_TOKEN=...1O/w1cDnyilFU=', '{base64:20}1O/w1cDnyilFU='],
    },
  },
  {
    id: 'line-channel-secret',
    title: 'LINE channel secret',
    vendor: 'LINE',
    source: 'https://developers.line.biz/en/docs/messaging-api/getting-started/',
    keywords: ['line_channel', 'linechannel'],
    pattern:
      '(?:line_channel|LINE_CHANNEL|lineChannel)[A-Za-z0-9_.\\-]{0,20}["\']?[ \\t]{0,5}(?:=>|:=|=|:)[ \\t]{0,5}["\']?([0-9a-f]{32})(?:[^A-Za-z0-9_-]|$)',
    confidence: 'likely',
    entropy: 2.7,
    connection: 'http',
    revoke: 'LINE Developers Console, Basic settings: reissue the secret.',
    examples: {
      positive: ['LINE_CHANNEL_SECRET={hex:32}', '"line_channel_secret": "{hex:32}"'],
      negative: [
        'LINE_CHANNEL_SECRET=your-secret',
        'LINE_CHANNEL_SECRET=${{LINE_CHANNEL_SECRET}',
        'line_channel_secret: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
      ],
    },
  },
  {
    id: 'matrix-access-token',
    title: 'Matrix (Synapse) access token',
    vendor: 'Matrix',
    source: 'https://github.com/element-hq/synapse/blob/develop/synapse/handlers/auth.py',
    keywords: ['syt_'],
    pattern: '(?:^|[^A-Za-z0-9_-])(syt_[A-Za-z0-9+/]{1,120}_[A-Za-z]{20}_[0-9A-Za-z]{6})(?:[^A-Za-z0-9_-]|$)',
    confidence: 'certain',
    distinct: true,
    entropy: 2.7,
    connection: 'http',
    revoke: 'Log the device out: POST /_matrix/client/v3/logout.',
    examples: {
      positive: [
        'TOKEN=syt_{alnum:8}_{upper:20}_{alnum:6}',
        '-H "Authorization: Bearer syt_{alnum:8}_{upper:20}_{alnum:6}"',
        "token: 'syt_{alnum:8}_{upper:20}_{alnum:6}'",
      ],
      negative: ['TOKEN=syt_xxxxxxxx', 'syt_<token>', 'syt_${{TOKEN}', 'syt_{alnum:8}_{alnum:5}'],
    },
  },
  {
    id: 'ntfy-access-token',
    title: 'ntfy access token',
    vendor: 'ntfy',
    source: 'https://docs.ntfy.sh/config/#access-tokens',
    keywords: ['tk_'],
    pattern: '(?:^|[^A-Za-z0-9_-])(tk_[a-z0-9]{29})(?:[^A-Za-z0-9_-]|$)',
    confidence: 'likely',
    entropy: 2.7,
    allow: ['^tk_AgQdq7mVBoFD37zQVN29Rh'],
    connection: 'http',
    revoke: 'ntfy token remove USER TOKEN.',
    examples: {
      positive: [
        'NTFY_TOKEN=tk_{lowernum:29}',
        '-H "Authorization: Bearer tk_{lowernum:29}"',
        "token: 'tk_{lowernum:29}'",
      ],
      negative: [
        'NTFY_TOKEN=tk_xxxxxxxx',
        'tk_<token>',
        'tk_${{TOKEN}',
        'tk_{lowernum:12}',
        'network_{lowernum:29}',
      ],
    },
  },
]
