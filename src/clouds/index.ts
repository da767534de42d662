/**
 * Calls of AWS, Google Cloud and Azure, made as this server: whoever needs a key service or a store of secrets there asks here.
 * Credentials come from each cloud's own standard places; calls go through `http-client`, so that no address is reached that
 * nothing names. The metadata service is asked for credentials, and for nothing else.
 * Invariant: no error repeats what was sent.
 */
export { createAwsClient, signedForAws } from './aws.ts'
export type { AwsClient } from './aws.ts'
export type { AwsCredentials } from './aws-chain.ts'
export { createGcpClient } from './gcp.ts'
export type { RestClient } from './rest.ts'
export { createAzureClient } from './azure.ts'
export { azureIdentity } from './azure-tokens.ts'
export type { AzureIdentity } from './azure-tokens.ts'
export { CloudError } from './cloud-error.ts'
