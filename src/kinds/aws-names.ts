/** Where a request is judged: what its ARNs are short for. */
export interface AwsHome {
  readonly account: string
  readonly regions: readonly string[]
}

const arnForm =
  /^arn:[a-z0-9-]+:(?<service>[a-z0-9-]*):(?<region>[a-z0-9-]*):(?<account>[0-9]*|aws):(?<rest>.+)$/s

/**
 * An ARN of the connection's own account and regions in the words of grants: what stands behind the type (`service/web` is `web`).
 * Undefined of other texts.
 */
export function shortArn(text: string, { account, regions }: AwsHome): string | undefined {
  const arn = arnForm.exec(text)?.groups
  if (arn === undefined) return undefined
  const { service, account: of = '', region = '', rest = '' } = arn
  const isOurs = (of === '' || of === account) && (region === '' || regions.includes(region))
  if (!isOurs) return undefined
  // Of S3 there is no type, and what stands in front is the bucket.
  if (service === 's3') return rest
  return /^[a-z][a-z0-9-]*[/:](?<name>.+)$/s.exec(rest)?.groups?.['name'] ?? rest
}
