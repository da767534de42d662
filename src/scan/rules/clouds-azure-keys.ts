import type { Rule } from '../engine/index.ts'

/** Keys of Azure services, by the signature that Microsoft puts in them. */
export const cloudsAzureKeysRules: readonly Rule[] = [
  {
    id: 'azure-storage-account-key',
    title: 'Azure Storage account key',
    vendor: 'Microsoft Azure',
    source:
      'https://github.com/microsoft/security-utilities/blob/main/GeneratedRegexPatterns/PreciselyClassifiedSecurityKeys.json',
    keywords: ['+ASt'],
    pattern: '(?:^|[^A-Za-z0-9+/])([A-Za-z0-9+/]{76}\\+ASt[A-Za-z0-9+/]{5}[AQgw]==)(?:[^A-Za-z0-9+/=]|$)',
    check: 'azure-key',
    confidence: 'certain',
    entropy: 4,
    connection: 'azure',
    revoke: 'az storage account keys renew',
    examples: {
      positive: [
        'AccountKey={base64:76}+ASt{azure-tail};EndpointSuffix=core.windows.net',
        'AZURE_STORAGE_KEY="{base64:76}+ASt{azure-tail}"',
      ],
      negative: ['{base64:40}+ASt{alnum:5}A==', 'AccountKey=+ASt', '{base64:76}+ASt{alnum:5}B=='],
    },
  },
  {
    id: 'azure-cosmos-db-key',
    title: 'Azure Cosmos DB key',
    vendor: 'Microsoft Azure',
    source:
      'https://github.com/microsoft/security-utilities/blob/main/GeneratedRegexPatterns/PreciselyClassifiedSecurityKeys.json',
    keywords: ['ACDb'],
    pattern: '(?:^|[^A-Za-z0-9+/])([A-Za-z0-9+/]{76}ACDb[A-Za-z0-9+/]{5}[AQgw]==)(?:[^A-Za-z0-9+/=]|$)',
    check: 'azure-key',
    confidence: 'certain',
    entropy: 4,
    connection: 'azure',
    revoke: 'Azure portal, the resource, keys: regenerate.',
    examples: {
      positive: ['COSMOS_KEY={base64:76}ACDb{azure-tail}', 'key: "{base64:76}ACDb{azure-tail}"'],
      negative: ['{base64:30}ACDb{alnum:5}A==', 'ACDb', '{base64:76}ACDb{alnum:5}z=='],
    },
  },
  {
    id: 'azure-batch-apim-ml-key',
    title: 'Azure Batch, API Management or Machine Learning key',
    vendor: 'Microsoft Azure',
    source:
      'https://github.com/microsoft/security-utilities/blob/main/GeneratedRegexPatterns/PreciselyClassifiedSecurityKeys.json',
    keywords: ['+ABa', 'APIM', '+AMC'],
    pattern:
      '(?:^|[^A-Za-z0-9+/])([A-Za-z0-9+/]{76}(?:\\+ABa|APIM|\\+AMC)[A-Za-z0-9+/]{5}[AQgw]==)(?:[^A-Za-z0-9+/=]|$)',
    check: 'azure-key',
    confidence: 'certain',
    entropy: 4,
    connection: 'azure',
    revoke: 'Azure portal, the resource, keys: regenerate.',
    examples: {
      positive: ['BATCH_KEY={base64:76}+ABa{azure-tail}', 'primaryKey: "{base64:76}APIM{azure-tail}"'],
      negative: [
        '{base64:20}+ABa{alnum:5}A==',
        'APIM_URL=https://a.azure-api.net',
        '{base64:76}APIM{alnum:5}',
      ],
    },
  },
  {
    id: 'azure-messaging-key',
    title: 'Azure Service Bus, Event Hubs, Relay, Event Grid or IoT key',
    vendor: 'Microsoft Azure',
    source:
      'https://github.com/microsoft/security-utilities/blob/main/GeneratedRegexPatterns/PreciselyClassifiedSecurityKeys.json',
    keywords: ['+ASb', '+AEh', '+ARm', 'AZEG', 'AIoT'],
    pattern:
      '(?:^|[^A-Za-z0-9+/])([A-Za-z0-9+/]{33}(?:\\+ASb|\\+AEh|\\+ARm|AZEG|AIoT)[A-P][A-Za-z0-9+/]{5}=)(?:[^A-Za-z0-9+/=]|$)',
    check: 'azure-key',
    confidence: 'certain',
    entropy: 4,
    connection: 'azure',
    revoke: 'Azure portal, the resource, keys: regenerate.',
    examples: {
      positive: ['SharedAccessKey={base64:33}+ASb{azure-tail}', '"{base64:33}AIoT{azure-tail}"'],
      negative: ['{base64:12}+ASb{A|B}{alnum:5}=', '{base64:33}+ASbZ{alnum:5}=', 'AIoT device'],
    },
  },
  {
    id: 'azure-redis-key',
    title: 'Azure Cache for Redis key',
    vendor: 'Microsoft Azure',
    source:
      'https://github.com/microsoft/security-utilities/blob/main/GeneratedRegexPatterns/PreciselyClassifiedSecurityKeys.json',
    keywords: ['AzCa'],
    pattern: '(?:^|[^A-Za-z0-9+/])([A-Za-z0-9+/]{33}AzCa[A-P][A-Za-z0-9+/]{5}=)(?:[^A-Za-z0-9+/=]|$)',
    check: 'azure-key',
    confidence: 'certain',
    entropy: 4,
    connection: 'redis',
    revoke: 'Azure portal, the resource, keys: regenerate.',
    examples: {
      positive: [
        'a.redis.cache.windows.net:6380,password={base64:33}AzCa{azure-tail},ssl=True',
        'REDIS_PASSWORD={base64:33}AzCa{azure-tail}',
      ],
      negative: ['{base64:10}AzCa{A|B}{alnum:5}=', '{base64:33}AzCaZ{alnum:5}='],
    },
  },
  {
    id: 'azure-search-key',
    title: 'Azure AI Search admin or query key',
    vendor: 'Microsoft Azure',
    source:
      'https://github.com/microsoft/security-utilities/blob/main/GeneratedRegexPatterns/PreciselyClassifiedSecurityKeys.json',
    keywords: ['AzSe'],
    pattern: '(?:^|[^A-Za-z0-9])([A-Za-z0-9]{42}AzSe[A-D][A-Za-z0-9]{5})(?:[^A-Za-z0-9]|$)',
    check: 'azure-key',
    confidence: 'certain',
    entropy: 4,
    connection: 'azure',
    revoke: 'Azure portal, the resource, keys: regenerate.',
    examples: {
      positive: ['AZURE_SEARCH_KEY={azure-alnum:AzSe}', 'api-key: {azure-alnum:AzSe}'],
      negative: ['{alnum:20}AzSe{A|B}{alnum:5}', '{alnum:42}AzSeZ{alnum:5}', 'AzureSearch'],
    },
  },
  {
    id: 'azure-function-key',
    title: 'Azure Functions key',
    vendor: 'Microsoft Azure',
    source:
      'https://github.com/microsoft/security-utilities/blob/main/GeneratedRegexPatterns/PreciselyClassifiedSecurityKeys.json',
    keywords: ['AzFu'],
    pattern: '(?:^|[^A-Za-z0-9_-])([A-Za-z0-9_-]{44}AzFu[A-Za-z0-9_-]{5}[AQgw](?:==|%3D%3D))',
    check: 'azure-key',
    confidence: 'certain',
    entropy: 4,
    connection: 'azure',
    revoke: 'Azure portal, the function app, app keys: renew.',
    examples: {
      positive: [
        'https://a.azurewebsites.net/api/f?code={alnum:44}AzFu{azure-tail}',
        'x-functions-key: {base64url:44}AzFu{azure-tail}',
      ],
      negative: ['{alnum:10}AzFu{alnum:5}A==', '{alnum:44}AzFu{alnum:5}B=='],
    },
  },
  {
    id: 'azure-container-registry-key',
    title: 'Azure Container Registry password',
    vendor: 'Microsoft Azure',
    source:
      'https://github.com/microsoft/security-utilities/blob/main/GeneratedRegexPatterns/PreciselyClassifiedSecurityKeys.json',
    keywords: ['+ACR'],
    pattern: '(?:^|[^A-Za-z0-9+/])([A-Za-z0-9+/]{42}\\+ACR[A-D][A-Za-z0-9+/]{5})(?:[^A-Za-z0-9+/=]|$)',
    check: 'azure-key',
    confidence: 'certain',
    entropy: 4,
    connection: 'oci',
    revoke: 'az acr credential renew',
    examples: {
      positive: [
        'docker login a.azurecr.io -u a -p {base64:42}+ACR{azure-tail}',
        'ACR_PASSWORD={base64:42}+ACR{azure-tail}',
      ],
      negative: ['{base64:20}+ACR{A|B}{alnum:5}', '{base64:42}+ACRZ{alnum:5}'],
    },
  },
]
