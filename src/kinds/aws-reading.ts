/** Actions that begin so change nothing. */
const verbs = [
  ...['Get', 'List', 'Describe', 'Head', 'BatchGet', 'BatchDescribe', 'BatchCheck', 'TransactGet', 'Lookup'],
  ...['Search', 'Filter', 'Validate', 'Estimate'],
]
/** And these, as they are; the last two are what requests without a name of their own go by. */
const whole = ['Query', 'Scan', 'GET', 'HEAD']
/** Of the first ones those whose answer opens something: a secret, or an address that is signed. */
const opening =
  /Token|Password|Credential|SecretValue|Session|PrivateKey|DownloadUrl|ParameterHistory|Presigned|AccessDetails|ClientSecrets|APIKeys/
const openingWhole: ReadonlySet<string> = new Set([
  // Lambda: where its code is, signed.
  ...['GetFunction', 'GetLayerVersion', 'GetLayerVersionByArn'],
  // Glue, Lightsail, Cognito and the keys of VPN tunnels.
  ...['GetConnection', 'GetConnections', 'GetBucketAccessKeys', 'DescribeUserPoolClient'],
  ...['DescribeVpnConnections', 'GetVpnConnectionDeviceSampleConfiguration'],
  ...['DescribeVerifiedAccessTrustProviders', 'DescribeUserImportJob', 'ListUserImportJobs'],
  ...['GetAddressListImportJob', 'ListAddressListImportJobs', 'GetDeployablePatchSnapshotForInstance'],
  ...['DescribeExportConfigurations', 'GetJobDetails', 'GetThirdPartyJobDetails'],
])

/** Whether an action, as IAM calls it, changes nothing, and its answer is no secret. */
export function isAwsReading(action: string): boolean {
  if (opening.test(action) || openingWhole.has(action)) return false
  return whole.includes(action) || verbs.some((verb) => action.startsWith(verb))
}

/** Whether a pattern of actions fits any of these. */
export function canBeReading(pattern: string): boolean {
  const [start = '', ...rest] = pattern.split('*')
  if (rest.length === 0) return isAwsReading(pattern)
  return (
    whole.some((one) => one.startsWith(start)) ||
    verbs.some((verb) => verb.startsWith(start) || start.startsWith(verb))
  )
}
