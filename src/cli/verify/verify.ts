import { createBundleVerifier } from '../../attest/verify/index.ts'
import { messageOf, MayflyError } from '../../lib/index.ts'
import { printError } from '../output.ts'
import { readVerifyPolicy, type VerifyPolicy } from './policy.ts'
import { imageNamed } from './image-name.ts'
import { judgeTarget, type Verifying } from './judge-target.ts'
import { openRegistry } from './registry.ts'
import { report, writeJunit, type Outcome } from './report.ts'
import { bundlesAtServer } from './server.ts'
import { withSummary, type SummaryOptions } from './summary.ts'
import { bundlesBesideFile, bundlesIn, digestOfFile, kindOf, type Bundles, type Target } from './target.ts'
import { trustInUse, type TrustNamed } from '../named-trust.ts'

export interface VerifyOptions extends TrustNamed, SummaryOptions {
  readonly bundle?: readonly string[]
  /** The folder of `mayfly run --attestations`. */
  readonly attestations?: string
  readonly policy?: string
  readonly require?: readonly string[]
  readonly junit?: string
  readonly json: boolean
}

/** What its exit code says, beside 0 for verified: for a script, not to know is another thing than to know that it is not so. */
const notVerified = 1
const cannotTell = 2

/** `mayfly verify`: whatever keeps it from an answer is no answer. */
export async function runVerify(names: readonly string[], options: VerifyOptions): Promise<number> {
  try {
    const outcomes = await verifyAll(names, options)
    report(outcomes, options)
    return exitCodeOf(outcomes)
  } catch (error) {
    printError(options.json, error)
    if (options.junit !== undefined) leaveFault(names, error, options.junit, options.json)
    return cannotTell
  }
}

/** A file that an earlier run left would be shown as what came of this one. */
function leaveFault(names: readonly string[], error: unknown, junit: string, json: boolean): void {
  const reasons = [messageOf(error)]
  try {
    writeJunit(
      names.map((name) => ({ name, result: 'unknown', reasons, ms: 0 })),
      junit,
    )
  } catch (cause) {
    if (messageOf(cause) !== messageOf(error)) printError(json, cause)
  }
}

/** Holds artifacts against a policy, by what their attestations show to be signed. Throws what is wrong with the policy or the trust. */
export async function verifyAll(names: readonly string[], options: VerifyOptions): Promise<Outcome[]> {
  if (options.vsa !== undefined && names.length !== 1)
    throw new MayflyError('bad_input', '--vsa is about one artifact: verify them one by one')
  const policy = readVerifyPolicy(options.policy, options.require ?? [], options)
  const found = await trustInUse(policy)
  const trust = { ...found, verifiers: found.roots.map((root) => createBundleVerifier(root, Date.now)) }
  for (const note of trust.notes) process.stderr.write(`mayfly: ${note}\n`)
  // Read once for all artifacts: a pipe (--bundle <(cosign ...)) has its bundles once.
  const given = options.bundle?.flatMap((one) => bundlesIn(one))
  const outcomes: Outcome[] = []
  for (const name of names) {
    const outcome = await outcomeOf(name, policy, trust, { given, attestations: options.attestations })
    outcomes.push(await withSummary(outcome, policy, trust, options))
  }
  return outcomes
}

export function exitCodeOf(outcomes: readonly Outcome[]): number {
  if (outcomes.some(({ result }) => result === 'not verified')) return notVerified
  return outcomes.some(({ result }) => result === 'unknown') ? cannotTell : 0
}

async function outcomeOf(
  name: string,
  policy: VerifyPolicy,
  trust: Verifying,
  from: Looked,
): Promise<Outcome> {
  const startedMs = Date.now()
  let of: Pick<Outcome, 'digest'> = {}
  try {
    const target = await targetOf(name, policy, from)
    of = { digest: target.digest }
    const judged = await judgeTarget(target, policy, trust)
    return { ...judged, ...of, name, ms: Date.now() - startedMs }
  } catch (error) {
    if (!(error instanceof MayflyError)) throw error
    return { ...of, name, result: 'unknown', reasons: [messageOf(error)], ms: Date.now() - startedMs }
  }
}

/** Where bundles are: those that were given by name, and the folder of those beside a file. */
interface Looked {
  readonly given: Bundles['found'] | undefined
  readonly attestations: string | undefined
}

/** Given bundles are all that counts; else what stands beside it, and then what the server has. */
async function targetOf(
  name: string,
  { server, demands }: VerifyPolicy,
  { given, attestations: folder }: Looked,
): Promise<Target> {
  const isGiven = given !== undefined
  const ofGiven: Bundles = { found: given ?? [], isCut: false }
  const asking = (digest: string) =>
    isGiven || server === undefined ? {} : { more: () => bundlesAtServer(server, digest, demands) }
  const meant = kindOf(name)
  if (meant.kind === 'digest') return { digest: meant.digest, bundles: ofGiven, ...asking(meant.digest) }
  if (meant.kind === 'file') {
    const digest = await digestOfFile(name)
    const beside = () => bundlesBesideFile(name, digest.slice('sha256:'.length), folder)
    const bundles = isGiven ? ofGiven : { found: beside(), isCut: false }
    return { digest, bundles, ...asking(digest) }
  }
  const registry = openRegistry(imageNamed(name))
  const open = async (digest: string): Promise<Target> => ({
    digest,
    bundles: isGiven ? ofGiven : await registry.bundles(digest),
    ...asking(digest),
    images: async () =>
      (await registry.platforms(digest)).map((image) => ({ digest: image, open: () => open(image) })),
  })
  return open(await registry.digest())
}
