import type { Rule } from '../engine/index.ts'

/** Logs: Splunk, Elastic and Sumo Logic. */
export const infrastructureLogsRules: readonly Rule[] = [
  {
    id: 'splunk-hec-token',
    title: 'Splunk HTTP event collector token',
    vendor: 'Splunk',
    source: 'https://docs.splunk.com/Documentation/Splunk/latest/Data/UsetheHTTPEventCollector',
    keywords: ['splunk'],
    pattern:
      'splunk(?: |[A-Za-z0-9_.\\-]{0,16}token["\']?\\s{0,5}(?:=|:)\\s{0,5}["\']?)([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?:[^A-Za-z0-9_-]|$)',
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3,
    allow: ['^B5A79AAD-D822-46CC', '^CF179AE4-3C99-45F5'],
    connection: 'http',
    revoke: 'Splunk, settings, data inputs, HTTP event collector.',
    examples: {
      positive: [
        'Authorization: Splunk {hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
        'SPLUNK_HEC_TOKEN={hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
        'splunk-token: "{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}"',
      ],
      negative: [
        'Authorization: Splunk xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx',
        'SPLUNK_HEC_TOKEN=${{SPLUNK_TOKEN}',
        'SPLUNK_HEC_TOKEN=00000000-0000-0000-0000-000000000000',
        'SPLUNK_INDEX={hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
      ],
    },
  },
  {
    id: 'splunk-observability-token',
    title: 'Splunk Observability Cloud access token',
    vendor: 'Splunk',
    source: 'https://docs.splunk.com/observability/en/admin/authentication/authentication-tokens/tokens.html',
    keywords: ['splunk_access_token', 'signalfx', 'x-sf-token', 'splunk_observability'],
    pattern:
      '(?:splunk_(?:access|observability_access)_token|signalfx[A-Za-z0-9_.\\-]{0,16}token|x-sf-token)["\']?\\s{0,5}(?:=|:)\\s{0,5}["\']?([A-Za-z0-9_-]{22})(?:[^A-Za-z0-9_-]|$)',
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3.3,
    connection: 'http',
    revoke: 'Splunk Observability Cloud, settings, access tokens.',
    examples: {
      positive: ['SPLUNK_ACCESS_TOKEN={alnum:22}', 'X-SF-Token: {alnum:22}'],
      negative: [
        'SPLUNK_ACCESS_TOKEN={alnum:10}',
        'SPLUNK_ACCESS_TOKEN=${{TOKEN}',
        'X-SF-Token: xxxxxxxxxxxxxxxxxxxxxx',
      ],
    },
  },
  {
    id: 'elastic-cloud-api-key',
    title: 'Elastic Cloud API key (prefixed)',
    vendor: 'Elastic',
    source: 'https://www.elastic.co/docs/deploy-manage/api-keys/elastic-cloud-api-keys',
    keywords: ['essu_'],
    pattern: '(?:^|[^A-Za-z0-9_-])(essu_[A-Za-z0-9+/_-]{40,240}={0,2})(?:[^A-Za-z0-9+/=_-]|$)',
    reach: 320,
    confidence: 'likely',
    distinct: true,
    entropy: 4,
    connection: 'http',
    revoke: 'https://cloud.elastic.co/account/keys',
    examples: {
      positive: ['EC_API_KEY=essu_{alnum:90}==', 'Authorization: ApiKey essu_{alnum:100}'],
      negative: [
        'essu_token',
        'essu_{alnum:10}',
        'essu_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
        'messu_mailbox_size',
      ],
    },
  },
  {
    id: 'elasticsearch-api-key',
    title: 'Elasticsearch API key (encoded)',
    vendor: 'Elastic',
    source: 'https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-security-create-api-key',
    keywords: ['apikey', 'elastic'],
    pattern:
      '(?:authorization["\']?\\s{0,5}[:,=]\\s{0,5}["\']?ApiKey |elastic(?:search)?_?api_?key["\']?\\s{0,5}(?:=|:)\\s{0,5}["\']?)([A-Za-z0-9+/]{54,62}={1,2})(?:[^A-Za-z0-9+/=]|$)',
    ignoreCase: true,
    confidence: 'likely',
    entropy: 4,
    allow: ['^VnVhQ2ZHY0JDZGJrUW0tZTVhT3g6'],
    connection: 'http',
    revoke: 'DELETE /_security/api_key',
    examples: {
      positive: [
        'Authorization: ApiKey {alnum:58}==',
        'ELASTICSEARCH_API_KEY={base64:58}==',
        'elastic_api_key: "{base64:58}=="',
      ],
      negative: [
        'Authorization: ApiKey {alnum:20}==',
        'ELASTIC_API_KEY=${{ELASTIC_API_KEY}',
        'Authorization: ApiKey VnVhQ2ZHY0JDZGJrUW0tZTVhT3g6{alnum:30}==',
      ],
    },
  },
  {
    id: 'sumo-logic-access-key',
    title: 'Sumo Logic access key',
    vendor: 'Sumo Logic',
    source: 'https://help.sumologic.com/docs/manage/security/access-keys/',
    keywords: ['sumo'],
    pattern:
      'sumo(?:logic)?[A-Za-z0-9_.\\-]{0,10}(?:access)?_?key["\']?\\s{0,5}(?:=|:)\\s{0,5}["\']?([A-Za-z0-9]{64})(?:[^A-Za-z0-9_-]|$)',
    ignoreCase: true,
    confidence: 'likely',
    entropy: 4,
    connection: 'http',
    revoke: 'Sumo Logic, administration, security, access keys.',
    examples: {
      positive: ['SUMOLOGIC_ACCESSKEY={alnum:64}', 'sumo_access_key: "{alnum:64}"'],
      negative: [
        'SUMOLOGIC_ACCESSKEY={alnum:20}',
        'SUMO_ACCESS_KEY=${{KEY}',
        'SUMOLOGIC_ACCESSID=su{alnum:12}',
      ],
    },
  },
  {
    id: 'sumo-logic-collector-url',
    title: 'Sumo Logic HTTP source address',
    vendor: 'Sumo Logic',
    source: 'https://help.sumologic.com/docs/send-data/hosted-collectors/http-source/',
    keywords: ['sumologic.com/receiver'],
    pattern: 'sumologic\\.com/receiver/v1/(?:http|otlp)/([A-Za-z0-9_-]{60,120}={0,2})',
    confidence: 'likely',
    entropy: 4,
    connection: 'http',
    revoke: 'Sumo Logic, the HTTP source: regenerate the URL.',
    examples: {
      positive: [
        'https://endpoint1.collection.eu.sumologic.com/receiver/v1/http/{base64url:92}==',
        'url: https://collectors.sumologic.com/receiver/v1/http/{base64url:88}',
      ],
      negative: [
        'https://endpoint1.collection.sumologic.com/receiver/v1/http/[UniqueHTTPCollectorCode]',
        'https://endpoint1.collection.sumologic.com/receiver/v1/http/{alnum:8}',
      ],
    },
  },
]
