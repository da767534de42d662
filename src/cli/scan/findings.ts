import { timeOf } from '../audit-time.ts'
import { createOperatorApi } from '../operator-api.ts'
import { endWithReader, print } from '../output.ts'
import { visible } from '../story.ts'

interface Options {
  run?: string
  role?: string
  rule?: string
  secret?: string
  fingerprint?: string
  since?: string
  lines: number
  server?: string
  json: boolean
}

interface Finding {
  id: string
  time: string
  run?: string
  role?: string
  repository?: string
  triggered_by?: string
  place: string
  connection?: string
  operation?: string
  reported?: true
  decision: string
  approval?: string
  approved_by?: string[]
  rule?: string
  confidence?: string
  secret?: string
  version?: number
  credential_of?: string
  certain?: boolean
  /** No finding of its own: so many further ones, which the entry does not list. */
  more?: number
  path?: string
  line?: number
  /** Of a finding by rule only for who may scan. */
  fingerprint?: string
  verified?: { state: string; time: string }
}

interface Page {
  findings: Finding[]
  next?: string
  forgotten?: number
}

/** What was found in builds, the newest first. */
export async function listFindings(options: Options): Promise<void> {
  endWithReader()
  const { findings, isMore, forgotten } = await readPages(options)
  const result = { findings, more: isMore, ...(forgotten === 0 ? {} : { forgotten }) }
  const lines = findings.flatMap(tell)
  if (findings.length === 0) lines.push('nothing was found')
  if (isMore) lines.push('and more: --lines, or narrow it with --run, --role, --rule, --secret, --since')
  if (forgotten > 0) lines.push(`${forgotten} older ones: mayfly audit find --type scan.found`)
  print(options.json, result, lines.map(visible))
}

async function readPages(options: Options) {
  const { run, role, rule, secret, fingerprint, lines } = options
  const sinceMs = timeOf(options.since)
  const since = sinceMs === undefined ? undefined : new Date(sinceMs).toISOString()
  const match = Object.entries({ run, role, rule, secret, fingerprint, since }).filter(
    (one): one is [string, string] => one[1] !== undefined,
  )
  const api = createOperatorApi(options)
  const findings: Finding[] = []
  for (let after: string | undefined; ;) {
    const query = new URLSearchParams([...match, ...(after === undefined ? [] : [['after', after]])])
    const page = await api.call<Page>('GET', `/v1/scan/findings?${query.toString()}`)
    findings.push(...page.findings)
    after = page.next
    const isMore = findings.length > lines || after !== undefined
    if (findings.length >= lines || after === undefined)
      return { findings: findings.slice(0, lines), isMore, forgotten: page.forgotten ?? 0 }
  }
}

/** Paths and operations are a step's own words: whoever prints these makes them visible. */
function tell(one: Finding): string[] {
  const by = one.triggered_by === undefined ? '' : `, triggered by ${one.triggered_by}`
  const of = one.repository === undefined ? '' : ` of ${one.repository}`
  const where = [one.place, one.connection, one.operation].filter((part) => part !== undefined).join(' ')
  return [
    `${one.time}  ${decisionOf(one)}  ${placeOf(one)}${whatOf(one)}${verifiedOf(one)}`,
    `    ${where}${one.reported === true ? ' (as its supervisor says)' : ''}`,
    `    run ${one.run ?? '-'}${of}, role ${one.role ?? '-'}${by}${fingerprintOf(one)}`,
  ]
}

function fingerprintOf({ more, fingerprint = 'fingerprint: scope secret:scan' }: Finding): string {
  return more === undefined ? `  [${fingerprint}]` : ''
}

function placeOf({ path, line }: Finding): string {
  if (path === undefined) return ''
  return line === undefined ? `${path}  ` : `${path}:${line}  `
}

function decisionOf({ decision, approval, approved_by: by = [] }: Finding): string {
  if (approval === undefined) return decision
  return `${decision} (${approval}${by.length === 0 ? '' : ` by ${by.join(', ')}`})`
}

function whatOf(one: Finding): string {
  const { more, rule, confidence, secret, version, credential_of: connection, certain } = one
  if (more !== undefined) return `${more} further ones, of which the log has the number alone`
  if (rule !== undefined) return `${rule} (${confidence})`
  const sure = certain === true ? '' : 'perhaps '
  return secret === undefined
    ? `${sure}the credential of a step for connection "${connection}"`
    : `${sure}secret "${secret}" of the vault (version ${version})`
}

function verifiedOf({ verified }: Finding): string {
  return verified === undefined ? '' : `, ${verified.state} at ${verified.time}`
}
