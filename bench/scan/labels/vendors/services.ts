import type { Random } from '../random.ts'
import { kindsOf } from '../kind.ts'
import { crcHex, fill } from '../template.ts'

export const watching = kindsOf([
  ['datadog-api-key', 'DATADOG_API_KEY DD_API_KEY', '{hex:32}'],
  ['datadog-app-key', 'DATADOG_APP_KEY DD_APP_KEY', '{hex:40}'],
  ['newrelic-user-key', 'NEW_RELIC_API_KEY NEWRELIC_USER_KEY', 'NRAK-{updig:27}'],
  ['newrelic-license', 'NEW_RELIC_LICENSE_KEY', '{hex:36}NRAL'],
  ['newrelic-insert', 'NEW_RELIC_INSERT_KEY', 'NRII-{b64u:32}'],
  ['grafana-service-account', 'GRAFANA_TOKEN GRAFANA_API_KEY', (random) => grafana(random)],
  [
    'grafana-cloud',
    'GRAFANA_CLOUD_TOKEN GRAFANA_CLOUD_API_KEY',
    (random) =>
      `glc_${json64(random, { o: '7{digit:5}', n: 'stack-{digit:6}-hm-write', k: '{alnum:24}', m: 'eu' })}`,
  ],
  [
    'grafana-legacy',
    'GRAFANA_API_KEY GRAFANA_AUTH',
    (random) => json64(random, { k: '{alnum:32}', n: 'provisioning-{lower:6}', id: '1' }),
  ],
  ['sentry-user', 'SENTRY_AUTH_TOKEN SENTRY_TOKEN', 'sntryu_{hex:64}'],
  [
    'sentry-organisation',
    'SENTRY_AUTH_TOKEN',
    (random) =>
      `sntrys_${json64(random, { iat: '17{digit:8}.{digit:6}', url: 'https://sentry.io', org: '{lower:8}' })}_${fill('{b64:43}', random)}`,
  ],
  ['honeycomb-key', 'HONEYCOMB_API_KEY', 'hcaik_01{lowdig:56}'],
  ['dynatrace-token', 'DT_API_TOKEN DYNATRACE_TOKEN', 'dt0c01.{base32:24}.{base32:64}'],
  ['pagerduty-key', 'PAGERDUTY_API_KEY PAGERDUTY_TOKEN', 'u+{b64u:18}'],
  ['opsgenie-key', 'OPSGENIE_API_KEY', '{uuid}'],
  ['splunk-hec', 'SPLUNK_HEC_TOKEN HEC_TOKEN', '{uuid}'],
  ['rollbar-token', 'ROLLBAR_ACCESS_TOKEN ROLLBAR_TOKEN', '{hex:32}'],
  ['loggly-token', 'LOGGLY_TOKEN', '{uuid}'],
  ['logzio-token', 'LOGZIO_TOKEN LOGZIO_SHIPPING_TOKEN', '{alpha:32}'],
  ['posthog-personal', 'POSTHOG_PERSONAL_API_KEY', 'phx_{alnum:43}'],
  ['launchdarkly-sdk', 'LAUNCHDARKLY_SDK_KEY LD_SDK_KEY', 'sdk-{uuid}'],
  ['launchdarkly-api', 'LAUNCHDARKLY_ACCESS_TOKEN', 'api-{uuid}'],
  ['statsig-secret', 'STATSIG_SECRET_KEY STATSIG_SERVER_KEY', 'secret-{alnum:43}'],
  ['segment-public-api', 'SEGMENT_TOKEN', 'sgp_{alnum:64}'],
  ['axiom-token', 'AXIOM_TOKEN', 'xaat-{uuid}'],
  ['logfire-token', 'LOGFIRE_TOKEN', 'pylf_v1_us_{alnum:43}'],
  ['betterstack-token', 'LOGTAIL_SOURCE_TOKEN BETTERSTACK_TOKEN', '{alnum:24}'],
  ['statuspage-key', 'STATUSPAGE_API_KEY', '{uuid}'],
])

/** Grafana's pkg/components/satokengen: CRC-32 of all before it, its low byte first. */
function grafana(random: Random): string {
  const key = `glsa_${fill('{alnum:32}', random)}`
  return `${key}_${Buffer.from(crcHex(key), 'hex').reverse().toString('hex')}`
}

function json64(random: Random, fields: Readonly<Record<string, string>>): string {
  const filled = Object.fromEntries(Object.entries(fields).map(([name, form]) => [name, fill(form, random)]))
  return Buffer.from(JSON.stringify(filled)).toString('base64')
}

export const models = kindsOf([
  ['openai-project', 'OPENAI_API_KEY', 'sk-proj-{b64u:74}T3BlbkFJ{b64u:74}'],
  ['openai-legacy', 'OPENAI_API_KEY OPENAI_KEY', 'sk-{alnum:20}T3BlbkFJ{alnum:20}'],
  ['openai-service-account', 'OPENAI_API_KEY', 'sk-svcacct-{b64u:74}T3BlbkFJ{b64u:74}'],
  ['openai-admin', 'OPENAI_ADMIN_KEY', 'sk-admin-{b64u:58}T3BlbkFJ{b64u:58}'],
  ['anthropic-api', 'ANTHROPIC_API_KEY CLAUDE_API_KEY', 'sk-ant-api03-{b64u:93}AA'],
  ['anthropic-admin', 'ANTHROPIC_ADMIN_KEY', 'sk-ant-admin01-{b64u:93}AA'],
  ['huggingface-token', 'HF_TOKEN HUGGINGFACE_TOKEN', 'hf_{alpha:34}'],
  ['replicate-token', 'REPLICATE_API_TOKEN', 'r8_{alnum:37}'],
  ['groq-key', 'GROQ_API_KEY', 'gsk_{alnum:20}WGdyb3FY{alnum:24}'],
  ['perplexity-key', 'PERPLEXITY_API_KEY PPLX_API_KEY', 'pplx-{alnum:48}'],
  ['xai-key', 'XAI_API_KEY GROK_API_KEY', 'xai-{alnum:80}'],
  ['cohere-key', 'COHERE_API_KEY CO_API_KEY', '{alnum:40}'],
  ['mistral-key', 'MISTRAL_API_KEY', '{alnum:32}'],
  ['deepseek-key', 'DEEPSEEK_API_KEY', 'sk-{hex:32}'],
  ['openrouter-key', 'OPENROUTER_API_KEY', 'sk-or-v1-{hex:64}'],
  ['together-key', 'TOGETHER_API_KEY', '{hex:64}'],
  ['fireworks-key', 'FIREWORKS_API_KEY', 'fw_{alnum:24}'],
  ['wandb-key', 'WANDB_API_KEY', '{hex:40}'],
  ['langsmith-personal', 'LANGSMITH_API_KEY LANGCHAIN_API_KEY', 'lsv2_pt_{hex:32}_{hex:10}'],
  ['langsmith-service', 'LANGSMITH_API_KEY', 'lsv2_sk_{hex:32}_{hex:10}'],
  ['langfuse-secret', 'LANGFUSE_SECRET_KEY', 'sk-lf-{uuid}'],
  ['elevenlabs-key', 'ELEVENLABS_API_KEY ELEVEN_API_KEY', 'sk_{hex:48}'],
  ['deepgram-key', 'DEEPGRAM_API_KEY', '{hex:40}'],
  ['assemblyai-key', 'ASSEMBLYAI_API_KEY', '{hex:32}'],
  ['stability-key', 'STABILITY_API_KEY', 'sk-{alnum:48}'],
  ['nvidia-key', 'NVIDIA_API_KEY NGC_API_KEY', 'nvapi-{b64u:64}'],
  ['cerebras-key', 'CEREBRAS_API_KEY', 'csk-{lowdig:48}'],
  ['tavily-key', 'TAVILY_API_KEY', 'tvly-dev-{alnum:32}'],
  ['firecrawl-key', 'FIRECRAWL_API_KEY', 'fc-{hex:32}'],
  ['voyage-key', 'VOYAGE_API_KEY', 'pa-{b64u:43}'],
  ['jina-key', 'JINA_API_KEY', 'jina_{hex:32}{b64u:28}'],
])

export const payments = kindsOf([
  ['stripe-secret', 'STRIPE_SECRET_KEY STRIPE_API_KEY', 'sk_live_{alnum:24}'],
  ['stripe-secret-long', 'STRIPE_SECRET_KEY STRIPE_KEY', 'sk_live_51{alnum:97}'],
  ['stripe-restricted', 'STRIPE_RESTRICTED_KEY', 'rk_live_51{alnum:97}'],
  ['stripe-webhook', 'STRIPE_WEBHOOK_SECRET', 'whsec_{alnum:32}'],
  ['shopify-access', 'SHOPIFY_ACCESS_TOKEN SHOPIFY_ADMIN_TOKEN', 'shpat_{hex:32}'],
  ['shopify-custom', 'SHOPIFY_CUSTOM_TOKEN', 'shpca_{hex:32}'],
  ['shopify-private', 'SHOPIFY_PASSWORD', 'shppa_{hex:32}'],
  ['shopify-shared', 'SHOPIFY_API_SECRET SHOPIFY_SHARED_SECRET', 'shpss_{hex:32}'],
  ['square-access', 'SQUARE_ACCESS_TOKEN', 'EAAA{l|E}{b64u:59}'],
  ['square-oauth-secret', 'SQUARE_APPLICATION_SECRET', 'sq0csp-{b64u:43}'],
  ['paypal-secret', 'PAYPAL_CLIENT_SECRET PAYPAL_SECRET', 'E{b64u:79}'],
  ['braintree-access', 'BRAINTREE_ACCESS_TOKEN', 'access_token$production${lowdig:16}${hex:32}'],
  ['adyen-key', 'ADYEN_API_KEY', 'AQE{alnum:1}hmfx{b64:120}-{b64:40}=-{b64u:16}'],
  ['plaid-secret', 'PLAID_SECRET', '{hex:30}'],
  ['plaid-access', 'PLAID_ACCESS_TOKEN', 'access-production-{uuid}'],
  ['flutterwave-secret', 'FLUTTERWAVE_SECRET_KEY FLW_SECRET_KEY', 'FLWSECK-{hex:32}-X'],
  ['paystack-secret', 'PAYSTACK_SECRET_KEY', 'sk_live_{hex:40}'],
  ['mollie-key', 'MOLLIE_API_KEY', 'live_{alnum:30}'],
  ['gocardless-token', 'GOCARDLESS_ACCESS_TOKEN', 'live_{b64u:40}'],
  ['easypost-key', 'EASYPOST_API_KEY', 'EZAK{alnum:54}'],
  ['shippo-key', 'SHIPPO_API_TOKEN', 'shippo_live_{hex:40}'],
  ['lob-key', 'LOB_API_KEY', 'live_{hex:35}'],
  ['coinbase-secret', 'COINBASE_API_SECRET', '{bytes:64}'],
  ['binance-secret', 'BINANCE_SECRET_KEY BINANCE_API_SECRET', '{alnum:64}'],
  ['duffel-token', 'DUFFEL_ACCESS_TOKEN', 'duffel_live_{b64u:43}'],
  ['paddle-key', 'PADDLE_API_KEY', 'pdl_live_apikey_01{lowdig:24}_{alnum:22}_{alnum:3}'],
  ['lemonsqueezy-webhook', 'LEMONSQUEEZY_WEBHOOK_SECRET', '{alnum:32}'],
])
