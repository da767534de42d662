import type { Rule } from '../engine/index.ts'
import { aiRules } from './ai.ts'
import { aiModelRules } from './ai-models.ts'
import { aiToolRules } from './ai-tools.ts'
import { withBoundaries } from './boundaries.ts'
import { ciRules } from './ci.ts'
import { ciQualityRules } from './ci-quality.ts'
import { ciServerRules } from './ci-servers.ts'
import { cloudsRules } from './clouds.ts'
import { cloudsAsiaRules } from './clouds-asia.ts'
import { cloudsAzureRules } from './clouds-azure.ts'
import { cloudsAzureKeysRules } from './clouds-azure-keys.ts'
import { cloudsEdgeRules } from './clouds-edge.ts'
import { cloudsGoogleRules } from './clouds-google.ts'
import { cloudsHostingRules } from './clouds-hosting.ts'
import { cloudsProvidersRules } from './clouds-providers.ts'
import { genericRules } from './generic/rules.ts'
import { infrastructureRules } from './infrastructure.ts'
import { infrastructureAccessRules } from './infrastructure-access.ts'
import { infrastructureDataRules } from './infrastructure-data.ts'
import { infrastructureLogsRules } from './infrastructure-logs.ts'
import { infrastructureMonitoringRules } from './infrastructure-monitoring.ts'
import { infrastructureObservabilityRules } from './infrastructure-observability.ts'
import { infrastructureSecretsRules } from './infrastructure-secrets.ts'
import { messagingRules } from './messaging.ts'
import { messagingEmailRules } from './messaging-email.ts'
import { messagingMarketingRules } from './messaging-marketing.ts'
import { messagingSocialRules } from './messaging-social.ts'
import { messagingTelephonyRules } from './messaging-telephony.ts'
import { messagingWebhooksRules } from './messaging-webhooks.ts'
import { paymentsRules } from './payments.ts'
import { paymentsBankingRules } from './payments-banking.ts'
import { paymentsBillingRules } from './payments-billing.ts'
import { paymentsGatewaysRules } from './payments-gateways.ts'
import { registryRules } from './registries.ts'
import { hostedRegistryRules } from './registries-hosted.ts'
import { saasRules } from './saas.ts'
import { saasAnalyticsRules } from './saas-analytics.ts'
import { saasAutomationRules } from './saas-automation.ts'
import { saasContentRules } from './saas-content.ts'
import { saasIdentityRules } from './saas-identity.ts'
import { saasLogisticsRules } from './saas-logistics.ts'
import { sourceHostRules } from './source-hosts.ts'
import { gitlabRules } from './source-hosts-gitlab.ts'
import { otherSourceHostRules } from './source-hosts-other.ts'
import { structuresRules } from './structures.ts'
import { structuresAddressesRules } from './structures-addresses.ts'
import { structuresAppsRules } from './structures-apps.ts'
import { structuresCallsRules } from './structures-calls.ts'
import { structuresCommandsRules } from './structures-commands.ts'
import { structuresFilesRules } from './structures-files.ts'
import { structuresKeysRules } from './structures-keys.ts'

const written: readonly Rule[] = [
  ...sourceHostRules,
  ...gitlabRules,
  ...otherSourceHostRules,
  ...registryRules,
  ...hostedRegistryRules,
  ...ciRules,
  ...ciServerRules,
  ...ciQualityRules,
  ...cloudsGoogleRules,
  ...cloudsAzureKeysRules,
  ...cloudsAzureRules,
  ...cloudsAsiaRules,
  ...cloudsHostingRules,
  ...cloudsProvidersRules,
  ...cloudsEdgeRules,
  ...cloudsRules,
  ...aiRules,
  ...aiModelRules,
  ...aiToolRules,
  ...infrastructureRules,
  ...infrastructureSecretsRules,
  ...infrastructureAccessRules,
  ...infrastructureDataRules,
  ...infrastructureLogsRules,
  ...infrastructureMonitoringRules,
  ...infrastructureObservabilityRules,
  ...messagingRules,
  ...messagingEmailRules,
  ...messagingMarketingRules,
  ...messagingSocialRules,
  ...messagingTelephonyRules,
  ...messagingWebhooksRules,
  ...paymentsRules,
  ...paymentsBankingRules,
  ...paymentsBillingRules,
  ...paymentsGatewaysRules,
  ...saasRules,
  ...saasAnalyticsRules,
  ...saasAutomationRules,
  ...saasContentRules,
  ...saasIdentityRules,
  ...saasLogisticsRules,
  ...structuresKeysRules,
  ...structuresRules,
  ...structuresFilesRules,
  ...structuresAppsRules,
  ...structuresAddressesRules,
  ...structuresCommandsRules,
  ...structuresCallsRules,
  ...genericRules,
]

/**
 * Every kind that is built in. Of two rules that say the same of a secret the first one is believed, so those of one vendor stand
 * before those that go by structure or context.
 */
export const builtInRules: readonly Rule[] = written.map(withBoundaries)
