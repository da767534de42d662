import { messageOf, MayflyError } from '../../lib/index.ts'
import { printError } from '../output.ts'
import { readVerifyPolicy, type VerifyPolicy } from './policy.ts'
import { imageNamed } from './image-name.ts'
import { judgeTarget } from './judge-target.ts'
import { openRegistry } from './registry.ts'
import { report, type Outcome } from './report.ts'
import { bundlesAtServer } from './server.ts'
import { withSummary, type SummaryOptions } from './summary.ts'
import { bundlesBesideFile, bundlesIn, digestOfFile, kindOf, type Bundles, type Target } from './target.ts'
import { trustInUse, type TrustInUse, type TrustNamed } from '../named-trust.ts'

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
    return cannotTell
  }
}

/** Holds artifacts against a policy, by what their attestations show to be signed. Throws what is wrong with the policy or the trust. */
export async function verifyAll(names: readonly string[], options: VerifyOptions): Promise<Outcome[]> {
  if (options.vsa !== undefined && names.length !== 1)
    throw new MayflyError('bad_input', '--vsa is about one artifact: verify them one by one')
  const policy = readVerifyPolicy(options.policy, options.require ?? [], options)
  const trust = await trustInUse(policy)
  for (const note of trust.notes) process.stderr.write(`mayfly: ${note}\n`)
  const outcomes: Outcome[] = []
  for (const name of names) {
    const outcome = await outcomeOf(name, policy, trust, options)
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
  trust: TrustInUse,
  options: VerifyOptions,
): Promise<Outcome> {
  const startedMs = Date.now()
  let of: Pick<Outcome, 'digest'> = {}
  try {
    const target = await targetOf(name, policy, options)
    of = { digest: target.digest }
    const judged = await judgeTarget(target, policy, trust)
    return { ...judged, ...of, name, ms: Date.now() - startedMs }
  } catch (error) {
    if (!(error instanceof MayflyError)) throw error
    return { ...of, name, result: 'unknown', reasons: [messageOf(error)], ms: Date.now() - startedMs }
  }
}

/** Given bundles are all that counts; else what stands beside it, and then what the server has. */
async function targetOf(
  name: string,
  { server, demands }: VerifyPolicy,
  { bundle: given = [], attestations: folder }: VerifyOptions,
): Promise<Target> {
  const isGiven = given.length > 0
  const ofGiven: Bundles = { found: given.flatMap((one) => bundlesIn(one)), isCut: false }
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
