import type { Random } from '../random.ts'
import { kindsOf } from '../kind.ts'
import { fill } from '../template.ts'

/** Clouds and hosting. Pairs (AWS and others) are in structured/pairs.ts, where both halves stand. */
export const clouds = kindsOf([
  ['gcp-api-key', 'GOOGLE_API_KEY GOOGLE_MAPS_SERVER_KEY GEMINI_API_KEY', 'AIzaSy{b64u:33}'],
  ['gcp-oauth-client-secret', 'GOOGLE_CLIENT_SECRET OAUTH_CLIENT_SECRET', 'GOCSPX-{b64u:28}'],
  ['gcp-access-token', 'GOOGLE_OAUTH_ACCESS_TOKEN CLOUDSDK_AUTH_ACCESS_TOKEN', 'ya29.a0A{b64u:160}'],
  ['gcp-refresh-token', 'GOOGLE_REFRESH_TOKEN REFRESH_TOKEN', '1//0{digit:1}{b64u:96}'],
  ['firebase-messaging-key', 'FCM_SERVER_KEY FIREBASE_SERVER_KEY', 'AAAA{b64u:7}:APA91b{b64u:134}'],
  ['azure-client-secret', 'AZURE_CLIENT_SECRET ARM_CLIENT_SECRET', '{alnum:3}8Q~{b64u:34}'],
  ['azure-storage-key', 'AZURE_STORAGE_KEY STORAGE_ACCOUNT_KEY', (random) => keyed(random, 'ASt')],
  ['azure-cosmos-key', 'COSMOS_KEY COSMOSDB_PRIMARY_KEY', (random) => keyed(random, 'ACDb')],
  ['azure-batch-key', 'AZURE_BATCH_KEY', (random) => keyed(random, 'ABa')],
  ['azure-registry-key', 'ACR_PASSWORD AZURE_REGISTRY_PASSWORD', '{b64:42}+ACR{alnum:6}'],
  ['azure-search-key', 'AZURE_SEARCH_KEY SEARCH_ADMIN_KEY', '{alnum:42}AzSe{alnum:6}'],
  ['azure-function-key', 'AZURE_FUNCTION_KEY FUNCTIONS_KEY', '{b64u:44}AzFu{alnum:6}=='],
  [
    'azure-openai-key',
    'AZURE_OPENAI_API_KEY',
    '{alnum:52}JQQJ99B{upper:1}AC{alnum:5}XJ3w3AAA{upper:1}ACOG{alnum:4}',
  ],
  ['azure-cognitive-key', 'AZURE_SPEECH_KEY COGNITIVE_SERVICE_KEY', '{hex:32}'],
  ['digitalocean-personal', 'DIGITALOCEAN_TOKEN DO_TOKEN', 'dop_v1_{hex:64}'],
  ['digitalocean-oauth', 'DIGITALOCEAN_OAUTH_TOKEN', 'doo_v1_{hex:64}'],
  ['digitalocean-refresh', 'DO_REFRESH_TOKEN', 'dor_v1_{hex:64}'],
  ['cloudflare-user-token', 'CLOUDFLARE_API_TOKEN CF_API_TOKEN', 'cfut_{alnum:40}{hex:8}'],
  ['cloudflare-account-token', 'CLOUDFLARE_ACCOUNT_TOKEN', 'cfat_{alnum:40}{hex:8}'],
  ['cloudflare-global-key', 'CLOUDFLARE_API_KEY CF_GLOBAL_KEY', '{hex:37}'],
  ['cloudflare-legacy-token', 'CLOUDFLARE_API_TOKEN CF_TOKEN', '{b64u:40}'],
  ['cloudflare-origin-ca', 'CLOUDFLARE_API_USER_SERVICE_KEY', 'v1.0-{hex:24}-{hex:146}'],
  ['heroku-api-key', 'HEROKU_API_KEY', 'HRKU-AA{b64u:58}'],
  ['heroku-legacy-key', 'HEROKU_API_KEY HEROKU_TOKEN', '{uuid}'],
  ['fly-token', 'FLY_API_TOKEN FLY_ACCESS_TOKEN', 'fm2_{b64:180}='],
  ['linode-token', 'LINODE_TOKEN LINODE_CLI_TOKEN', '{hex:64}'],
  ['vultr-key', 'VULTR_API_KEY', '{updig:36}'],
  ['hetzner-token', 'HCLOUD_TOKEN HETZNER_API_TOKEN', '{alnum:64}'],
  ['ibm-cloud-key', 'IBMCLOUD_API_KEY IC_API_KEY', '{b64u:44}'],
  ['yandex-api-key', 'YC_API_KEY YANDEX_CLOUD_API_KEY', 'AQVN{b64u:36}'],
  ['yandex-oauth', 'YC_TOKEN YANDEX_OAUTH_TOKEN', 'y0_{b64u:55}'],
  ['vercel-token', 'VERCEL_TOKEN VERCEL_ACCESS_TOKEN', '{alnum:24}'],
  ['netlify-token', 'NETLIFY_AUTH_TOKEN', 'nfp_{alnum:36}'],
  ['render-key', 'RENDER_API_KEY', 'rnd_{alnum:28}'],
  ['railway-token', 'RAILWAY_TOKEN RAILWAY_API_TOKEN', '{uuid}'],
  ['fastly-token', 'FASTLY_API_TOKEN FASTLY_API_KEY', '{b64u:32}'],
  ['tailscale-auth-key', 'TS_AUTHKEY TAILSCALE_AUTHKEY', 'tskey-auth-k{alnum:10}CNTRL-{alnum:32}'],
  ['tailscale-api-key', 'TAILSCALE_API_KEY', 'tskey-api-k{alnum:10}CNTRL-{alnum:32}'],
  ['ngrok-authtoken', 'NGROK_AUTHTOKEN', '2{alnum:26}_{alnum:21}'],
  ['terraform-cloud-token', 'TFE_TOKEN TF_TOKEN_APP_TERRAFORM_IO', '{alnum:14}.atlasv1.{alnum:67}'],
  ['pulumi-token', 'PULUMI_ACCESS_TOKEN', 'pul-{hex:40}'],
  ['scalr-token', 'SCALR_TOKEN', (random) => `eyJ${fill('{b64u:60}.{b64u:90}.{b64u:43}', random)}`],
  ['flyio-deploy', 'FLY_DEPLOY_TOKEN', 'fo1_{b64u:43}'],
  ['upcloud-token', 'UPCLOUD_TOKEN', 'ucat_{updig:26}'],
  ['exoscale-secret', 'EXOSCALE_API_SECRET', '{b64u:43}'],
  ['ovh-consumer-key', 'OVH_CONSUMER_KEY OVH_APPLICATION_SECRET', '{alnum:32}'],
])

/** Azure's 64-byte keys, which end in a mark of their service and four characters more. */
function keyed(random: Random, service: string): string {
  return `${random
    .bytes(66)
    .toString('base64')
    .slice(0, 86 - 7 - service.length)}+${service}${fill('{alnum:6}', random)}==`
}

export const data = kindsOf([
  ['supabase-personal', 'SUPABASE_ACCESS_TOKEN', 'sbp_{hex:40}'],
  ['supabase-secret', 'SUPABASE_SECRET_KEY', 'sb_secret_{b64u:22}_{b64u:8}'],
  ['planetscale-token', 'PLANETSCALE_TOKEN', 'pscale_tkn_{b64u:43}'],
  ['planetscale-password', 'PLANETSCALE_PASSWORD DATABASE_PASSWORD', 'pscale_pw_{b64u:43}'],
  ['neon-key', 'NEON_API_KEY', 'napi_{lowdig:64}'],
  ['mongodb-service-account', 'MONGODB_ATLAS_CLIENT_SECRET', 'mdb_sa_sk_{b64u:40}'],
  ['mongodb-atlas-private', 'MONGODB_ATLAS_PRIVATE_KEY ATLAS_PRIVATE_KEY', '{uuid}'],
  ['databricks-token', 'DATABRICKS_TOKEN', 'dapi{hex:32}'],
  ['databricks-token-2', 'DATABRICKS_TOKEN DATABRICKS_PAT', 'dapi{hex:32}-{2|3}'],
  ['confluent-secret', 'CONFLUENT_CLOUD_API_SECRET KAFKA_API_SECRET', '{b64:64}'],
  ['confluent-secret-2025', 'CONFLUENT_API_SECRET', 'cflt{b64:60}'],
  ['aiven-token', 'AIVEN_TOKEN AIVEN_API_TOKEN', '{b64:372}=='],
  [
    'elastic-cloud-key',
    'ELASTIC_API_KEY EC_API_KEY',
    (random) => Buffer.from(fill('{b64u:20}:{b64u:22}', random)).toString('base64'),
  ],
  [
    'snowflake-pat',
    'SNOWFLAKE_PASSWORD SNOWFLAKE_PAT',
    (random) => `eyJ${fill('{b64u:40}.eyJ{b64u:120}.{b64u:342}', random)}`,
  ],
  ['algolia-admin-key', 'ALGOLIA_ADMIN_KEY ALGOLIA_WRITE_API_KEY', '{hex:32}'],
  ['pinecone-key', 'PINECONE_API_KEY', 'pcsk_{alnum:5}_{alnum:63}'],
  ['dbt-service-token', 'DBT_CLOUD_TOKEN DBT_API_KEY', 'dbtc_{b64u:43}'],
  ['prefect-key', 'PREFECT_API_KEY', 'pnu_{alnum:36}'],
  ['upstash-token', 'UPSTASH_REDIS_REST_TOKEN', 'A{b64:54}='],
  ['fauna-secret', 'FAUNA_SECRET FAUNADB_KEY', 'fnA{b64u:37}'],
  ['xata-key', 'XATA_API_KEY', 'xau_{alnum:32}'],
  ['tinybird-token', 'TINYBIRD_TOKEN TB_TOKEN', (random) => `p.eyJ${fill('{b64u:96}.{b64u:43}', random)}`],
])
