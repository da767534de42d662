import type { Rule } from '../engine/index.ts'

/** Microsoft Azure, Entra and Azure DevOps. */
export const cloudsAzureRules: readonly Rule[] = [
  {
    id: 'azure-devops-token',
    title: 'Azure DevOps personal access token',
    vendor: 'Microsoft Azure',
    source: 'https://learn.microsoft.com/purview/sit-defn-azure-devops-personal-access-token',
    keywords: ['AZDO'],
    pattern: '(?:^|[^A-Za-z0-9])([A-Za-z0-9]{52}JQQJ9[A-Za-z0-9]{19}AZDO[A-Za-z0-9]{4})(?:[^A-Za-z0-9]|$)',
    confidence: 'certain',
    entropy: 4,
    allow: ['^abcdefghijklmnopqrstuvwxyz'],
    connection: 'azure',
    revoke: 'https://dev.azure.com, user settings, personal access tokens: revoke.',
    examples: {
      positive: [
        'AZURE_DEVOPS_EXT_PAT={alnum:52}JQQJ99{alnum:1}{A|B|C}{alnum:11}AAAAAAZDO{alnum:4}',
        'https://u:{alnum:52}JQQJ99{alnum:18}AZDO{alnum:4}@dev.azure.com/o/_git/r',
      ],
      negative: ['{alnum:20}AZDO{alnum:4}', 'AZDO_TOKEN=${{AZDO_TOKEN}', '{alnum:76}AZDO{alnum:4}'],
    },
  },
  {
    id: 'azure-annotated-key',
    title: 'Azure key with the common annotated signature',
    vendor: 'Microsoft Azure',
    source:
      'https://github.com/microsoft/security-utilities/blob/main/GeneratedRegexPatterns/PreciselyClassifiedSecurityKeys.json',
    keywords: ['JQQJ9'],
    pattern:
      '(?:^|[^A-Za-z0-9])([A-Za-z0-9]{52}JQQJ9[9DH][A-Za-z0-9][A-L][A-Za-z0-9]{16}[A-Za-z][A-Za-z0-9]{7}(?:[A-Za-z0-9]{2}==)?)(?:[^A-Za-z0-9]|$)',
    confidence: 'likely',
    entropy: 4,
    connection: 'azure',
    revoke: 'Azure portal, the resource, keys: regenerate.',
    examples: {
      positive: [
        'AZURE_OPENAI_API_KEY={alnum:52}JQQJ99{alnum:1}{A|B|C|D}{alnum:8}AAAB{alnum:4}ACOG{alnum:4}',
        'api-key: {alnum:52}JQQJ9D{alnum:1}{E|F|G}{alnum:16}{upper:1}{alnum:7}',
      ],
      negative: ['{alnum:30}JQQJ99{alnum:26}', 'JQQJ99', '{alnum:52}JQQJ98{alnum:1}A{alnum:16}A{alnum:7}'],
    },
  },
  {
    id: 'azure-devops-legacy-token',
    title: 'Azure DevOps personal access token (52 characters)',
    vendor: 'Microsoft Azure',
    source:
      'https://github.com/microsoft/security-utilities/blob/main/GeneratedRegexPatterns/PreciselyClassifiedSecurityKeys.json',
    keywords: ['azure_devops', 'azuredevops', 'ado_', 'vsts', 'vss_', '@dev.azure.com', '.visualstudio.com'],
    pattern:
      '(?:azure_?devops|ado_|vsts|vss_)[A-Za-z0-9_ .\\-]{0,20}["\']?\\s{0,5}(?:=|:|=>|:=)\\s{0,5}["\']?([a-z2-7]{52})(?:[^A-Za-z0-9_-]|$)|://[^:@/\\s]{0,64}:([a-z2-7]{52})@(?:dev\\.azure\\.com|[a-z0-9-]{1,63}\\.visualstudio\\.com)',
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3.5,
    connection: 'azure',
    revoke: 'https://dev.azure.com, user settings, personal access tokens: revoke.',
    examples: {
      positive: [
        'AZURE_DEVOPS_EXT_PAT={lower:52}',
        'https://build:{lower:52}@dev.azure.com/org/_git/repo',
        'vsts_token: "{lower:52}"',
      ],
      negative: [
        'AZURE_DEVOPS_PAT={lower:40}',
        'AZURE_DEVOPS_PAT=${{PAT}',
        'https://build:{digits:52}@dev.azure.com/org',
        'ADO_PAT=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
      ],
    },
  },
  {
    id: 'azure-entra-client-secret',
    title: 'Microsoft Entra application client secret',
    vendor: 'Microsoft Azure',
    source:
      'https://github.com/microsoft/security-utilities/blob/main/GeneratedRegexPatterns/PreciselyClassifiedSecurityKeys.json',
    keywords: ['8Q~', '7Q~'],
    pattern:
      '(?:^|[^A-Za-z0-9_~.-])([A-Za-z0-9_~.-]{3}[78]Q~[A-Za-z0-9_~.-]{31,34})(?:[^A-Za-z0-9_~.+/=-]|$)',
    confidence: 'certain',
    entropy: 3.5,
    connection: 'azure',
    revoke: 'Entra admin center, app registrations, certificates & secrets: delete.',
    examples: {
      positive: [
        'AZURE_CLIENT_SECRET={alnum:3}8Q~{alnum:34}',
        '"clientSecret": "{alnum:3}8Q~{base64url:34}",',
        'client_secret: {alnum:3}7Q~{alnum:31}',
      ],
      negative: [
        '{alnum:3}8Q~{alnum:20}',
        '{alnum:3}9Q~{alnum:34}',
        'xxx8Q~xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
      ],
    },
  },
  {
    id: 'azure-account-key-connection-string',
    title: 'Azure Storage or Cosmos DB account key in a connection string',
    vendor: 'Microsoft Azure',
    source: 'https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string',
    keywords: ['AccountKey='],
    pattern: 'AccountKey=([A-Za-z0-9+/]{86}==)',
    confidence: 'certain',
    entropy: 4,
    allow: ['^Eby8vdM02xNOcqFlqUwJ', '^C2y6yDjf5/R'],
    connection: 'azure',
    revoke: 'Azure portal, the resource, keys: regenerate.',
    examples: {
      positive: [
        'DefaultEndpointsProtocol=https;AccountName=a;AccountKey={base64:85}A==;EndpointSuffix=core.windows.net',
        'AccountEndpoint=https://a.documents.azure.com:443/;AccountKey={base64:85}Q==;',
      ],
      negative: [
        'AccountKey=Eby8vdM02xNOcqFlqUwJ{base64:66}==',
        'AccountKey={base64:40}==',
        'AccountKey=<account-key>',
        'AccountKey=${{KEY}',
      ],
    },
  },
  {
    id: 'azure-shared-access-key',
    title: 'Azure shared access key in a connection string',
    vendor: 'Microsoft Azure',
    source: 'https://learn.microsoft.com/azure/service-bus-messaging/service-bus-sas',
    keywords: ['SharedAccessKey='],
    pattern: 'SharedAccessKey=([A-Za-z0-9+/]{43}=)',
    confidence: 'certain',
    entropy: 4,
    allow: ['^SAS_KEY'],
    connection: 'azure',
    revoke: 'Azure portal, the resource, keys: regenerate.',
    examples: {
      positive: [
        'Endpoint=sb://a.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey={base64:43}=',
        'HostName=a.azure-devices.net;SharedAccessKeyName=o;SharedAccessKey={base64:43}=',
      ],
      negative: [
        'SharedAccessKey={base64:20}=',
        'SharedAccessKey=<key>',
        'SharedAccessKey=${{KEY}',
        'SharedAccessKey=SAS_KEY_VALUE',
      ],
    },
  },
  {
    id: 'azure-service-access-key',
    title: 'Azure SignalR, Web PubSub, Communication or App Configuration access key',
    vendor: 'Microsoft Azure',
    source: 'https://learn.microsoft.com/azure/azure-signalr/concept-connection-string',
    keywords: ['service.signalr.net', 'webpubsub.azure.com', 'communication.azure.com', 'azconfig.io'],
    pattern:
      '(?:service\\.signalr\\.net|webpubsub\\.azure\\.com|communication\\.azure\\.com|azconfig\\.io)/?;(?:Id=[A-Za-z0-9+/:=_-]{4,64};)?(?:AccessKey|accesskey|Secret)=([A-Za-z0-9+/]{43}(?:=|[A-Za-z0-9+/]{43}==))',
    confidence: 'certain',
    entropy: 4,
    connection: 'azure',
    revoke: 'Azure portal, the resource, keys: regenerate.',
    examples: {
      positive: [
        'Endpoint=https://a.service.signalr.net;AccessKey={base64:43}=;Version=1.0;',
        'endpoint=https://a.communication.azure.com/;accesskey={base64:86}==',
        'Endpoint=https://a.azconfig.io;Id=ab-l0-s0:{alnum:20};Secret={base64:43}=',
      ],
      negative: [
        'Endpoint=https://a.service.signalr.net;AccessKey=<key>;Version=1.0;',
        'Endpoint=https://a.azconfig.io;Id=x;Secret=${{S}',
        'https://a.communication.azure.com/',
      ],
    },
  },
  {
    id: 'azure-sas-token',
    title: 'Azure Storage shared access signature',
    vendor: 'Microsoft Azure',
    source: 'https://learn.microsoft.com/rest/api/storageservices/create-service-sas',
    keywords: ['sv=20'],
    pattern:
      'sv=20[0-9]{2}-[0-9]{2}-[0-9]{2}&[A-Za-z0-9=&;%:._+-]{0,400}sig=([A-Za-z0-9%+/]{40,100}(?:%3[Dd]|=))',
    reach: 640,
    confidence: 'certain',
    entropy: 3,
    connection: 'azure',
    revoke: 'Delete its stored access policy, or renew the account key that signed it.',
    examples: {
      positive: [
        'https://a.blob.core.windows.net/c?sp=r&st=2024-01-01T00:00:00Z&se=2030-01-01T00:00:00Z&spr=https&sv=2022-11-02&sr=c&sig={alnum:43}%3D',
        '?sv=2021-06-08&ss=bfqt&srt=sco&sp=rwd&se=2030-01-01&sig={alnum:20}%2B{alnum:22}%3D',
      ],
      negative: [
        '?sv=2021-06-08&ss=bfqt&sig=<signature>',
        '?sv=2021-06-08&sr=b&sig=xxxx%3D',
        'sv=2021-06-08',
      ],
    },
  },
  {
    id: 'azure-logic-apps-trigger',
    title: 'Azure Logic Apps or Power Automate trigger address',
    vendor: 'Microsoft Azure',
    source: 'https://learn.microsoft.com/azure/logic-apps/logic-apps-securing-a-logic-app',
    keywords: ['logic.azure.com'],
    pattern:
      'logic\\.azure\\.com(?::443)?/workflows/[0-9a-f]{32}/[A-Za-z0-9/?=&;%._-]{10,160}sig=([A-Za-z0-9_-]{43})(?:[^A-Za-z0-9_-]|$)',
    reach: 400,
    confidence: 'certain',
    entropy: 3,
    connection: 'azure',
    revoke: 'Azure portal, the logic app, access keys: regenerate.',
    examples: {
      positive: [
        'https://prod-1.westeurope.logic.azure.com:443/workflows/{hex:32}/triggers/manual/paths/invoke?api-version=2016-10-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={alnum:43}',
        'url: https://prod-2.uksouth.logic.azure.com/workflows/{hex:32}/triggers/request/paths/invoke?api-version=2016-06-01&sig={alnum:43}',
      ],
      negative: [
        'https://prod-1.westeurope.logic.azure.com:443/workflows/{hex:32}/triggers/manual/paths/invoke?api-version=2016-10-01',
        'https://prod-1.logic.azure.com/workflows/{hex:32}/triggers/manual/paths/invoke?sig=<sig>',
      ],
    },
  },
  {
    id: 'azure-cognitive-services-key',
    title: 'Azure AI services key (32 hex)',
    vendor: 'Microsoft Azure',
    source: 'https://learn.microsoft.com/azure/ai-services/authentication',
    keywords: ['ocp-apim-subscription-key', 'azure_openai', 'cognitive', 'azure_speech', 'azure_translator'],
    pattern:
      '(?:ocp-apim-subscription-key|azure_openai|cognitive(?:_services?)?|azure_speech|azure_translator)[A-Za-z0-9_ .\\-]{0,20}["\']?\\s{0,5}(?:=|:|=>|:=)\\s{0,5}["\']?([0-9a-f]{32})(?:[^A-Za-z0-9_-]|$)',
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3,
    connection: 'azure',
    revoke: 'Azure portal, the resource, keys: regenerate.',
    examples: {
      positive: [
        'Ocp-Apim-Subscription-Key: {hex:32}',
        'AZURE_OPENAI_API_KEY={hex:32}',
        '"cognitive_services_key": "{hex:32}"',
      ],
      negative: [
        'Ocp-Apim-Subscription-Key: {hex:20}',
        'Ocp-Apim-Subscription-Key: ${{KEY}',
        'AZURE_OPENAI_KEY=00000000000000000000000000000000',
        'AZURE_OPENAI_API_KEY={hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
      ],
    },
  },
]
