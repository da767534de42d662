import { MayflyError } from '../../lib/index.ts'
import { exitCodes, print } from '../output.ts'
import { namedServer } from '../server-url.ts'
import { trustOrNone, type TrustOptions } from '../named-trust.ts'
import { isPlain, type Found } from './bundles.ts'
import { markdownLines, say, textLines, type Outline } from './outline.ts'
import { filesSource, serverSource, type Source } from './source.ts'
import { readAsked, type Asked } from './subject.ts'
import { tellTree } from './tell-tree.ts'
import { readTree, type TreeNode } from './tree.ts'
import { treeJson } from './tree-json.ts'

export interface ShowOptions extends TrustOptions {
  all: boolean
  offline: boolean
  json: boolean
  markdown: boolean
}

/** `mayfly attest show`: 0 if everything that was found is verified, 1 if something is not, or nothing was found. */
export async function showAttestations(what: string, options: ShowOptions): Promise<number> {
  if (options.offline && options.trustDocument === undefined && options.trustedRoot === undefined)
    throw new MayflyError(
      'bad_input',
      '--offline asks no server: say whom to trust with --trusted-root FILE, or --root FILE with --trust-document FILE',
    )
  const { trust, whose, notes: ofTrust } = await trustOrNone(options)
  const asked = await readAsked(what, trust)
  const isAlone = needsNoServer(asked, options)
  const server = options.offline || isAlone ? undefined : serverSource(options, trust)
  const notes = isAlone && !options.offline ? [...ofTrust, notAsked] : ofTrust
  const given =
    asked.kind === 'bundles' ? asked.found : asked.kind === 'digest' ? besideOf(asked.beside, server) : []
  const source = filesSource(given, server, { isWhole: asked.kind === 'bundles' })
  const roots = asked.kind === 'digest' ? [asked.sha256] : await digestsOf(asked, given, source)
  const nodes: TreeNode[] = []
  for (const sha256 of roots.slice(0, maxRoots)) nodes.push(await readTree(source, sha256, options))
  // A bundle whose payload is no statement stands in no tree.
  const isWhole = nodes.every(isVerified) && given.every(({ verdict }) => verdict.ok)
  const outline: Outline[] = [
    { line: say`trust: ${whose}` },
    ...notes.map((note) => ({ line: say`note: ${note}` })),
    ...nodes.flatMap((node) => tellTree(node, options)),
    ...(roots.length > maxRoots
      ? [{ line: say`and ${roots.length - maxRoots} more artifacts: ask for each by its digest` }]
      : []),
  ]
  const lines = options.markdown ? markdownLines(outline) : textLines(outline)
  print(options.json, { trust: whose, notes, verified: isWhole, artifacts: nodes.map(treeJson) }, lines)
  return isWhole ? exitCodes.ok : exitCodes.refused
}

const notAsked =
  'no server was named, and none was asked: of what earlier steps made only what stands in these bundles is known; --server URL asks one'

/** Files say whom to trust, and the bundles are at hand. Without a name the server of this machine would be meant, which need not run. */
function needsNoServer(
  asked: Asked,
  { server, trustDocument, trustedRoot }: Pick<ShowOptions, 'server' | 'trustDocument' | 'trustedRoot'>,
): boolean {
  if (namedServer(server) !== undefined || (trustDocument ?? trustedRoot) === undefined) return false
  if (asked.kind === 'bundles') return true
  return asked.kind === 'digest' && asked.beside.some((one) => !isPlain(one))
}

/** An envelope that nobody can verify is told where nothing better can be had. */
function besideOf(beside: readonly Found[], server: Source | undefined): readonly Found[] {
  return server === undefined ? beside : beside.filter((one) => !isPlain(one))
}

/** Of a step with ten thousand artifacts the first ones show where they all come from. */
const maxRoots = 10

async function digestsOf(
  asked: { readonly kind: 'bundles' } | { readonly kind: 'step'; readonly id: string },
  given: readonly Found[],
  source: ReturnType<typeof filesSource>,
): Promise<string[]> {
  const found = asked.kind === 'step' ? await source.foundOfStep(asked.id) : given
  const digests = found.flatMap(
    ({ statement }) => statement?.subject.flatMap(({ digest }) => digest['sha256'] ?? []) ?? [],
  )
  if (digests.length === 0)
    throw new MayflyError(
      'not_found',
      asked.kind === 'step'
        ? `nothing is signed about a file of ${asked.id}, or there is no such step: mayfly attest list`
        : 'nothing in it is a statement about a file',
    )
  return [...new Set(digests)]
}

/** Everything from here back: what is said about it, and about what it was made of. */
export function isVerified({ state, builds, others, strangers }: TreeNode): boolean {
  if (state === 'circle') return true
  if (state !== 'known' || strangers > 0) return false
  const found = [...builds.map((one) => one.found), ...others.map((one) => one.found)]
  return found.every(({ verdict }) => verdict.ok) && builds.every(({ inputs }) => inputs.every(isVerified))
}
