import { probeIsolation } from '../../src/runner/sandbox/index.ts'
import { startContainer } from './container.ts'
import { prepareBase } from './image.ts'

/** A way to run a step, whose every attempt has a row. A new tier is added here and nowhere else. */
export interface Tier {
  readonly name: string
  /** The user who runs it, if it is not the one who runs the suite. */
  readonly uid?: number
  readonly role: string
  /** What its programs of the machine, and `mayfly run`, are started by. */
  readonly prefix: readonly string[]
  /** What the names of attempts begin with that get through, as the role or docs/threat-model.md says. */
  readonly told: readonly string[]
  /** Only these are tried: what differs from another tier. */
  readonly only?: RegExp
  /** In a container of it: its programs are in an image, and none of the machine's tools are there. */
  readonly engine?: 'podman'
  /** Its workspace is in a folder that nobody else can pass. */
  readonly isClosed?: boolean
}

const nobody = 65_534

export interface Tiers {
  readonly tiers: readonly Tier[]
  /** Those that this machine does not have, and why. */
  readonly missing: readonly string[]
  close(): void
}

/** Where nobody else reaches what a step leaves these are allowed (docs/ci.md); elsewhere it does not run (nesting.test.ts). */
const setIds = ['nested.set-id', 'set-id.modes', 'set-id.capabilities', 'set-id.folder']

/**
 * The first process of a container is the shell of its image, which the step may trace: it is the step's own, as is the
 * /dev that the engine made for it alone.
 */
const ownFirst = [
  'descriptors.first-process',
  ...['proc.memory-write', 'proc.descriptors', 'proc.first-memory', 'devices.change'],
]

/** The tiers that this machine has. */
export async function findTiers(): Promise<Tiers> {
  const probe = await probeIsolation()
  const nothing = () => undefined
  if (probe.tier !== 'B') return { tiers: [], missing: [`namespaces: ${probe.why}`], close: nothing }
  const isRoot = process.getuid?.() === 0
  const whole = { role: 'build', prefix: [], told: [] }
  const user = isRoot ? { uid: nobody } : {}
  const tiers: Tier[] = [{ name: 'B, ordinary user', ...user, ...whole }]
  const missing: string[] = []
  if (isRoot) tiers.unshift({ name: 'B, root', ...whole })
  else missing.push('B, root: the suite was not started as root')
  // A role whose steps may make namespaces.
  const nesting = {
    ...{ role: 'nested', prefix: [], told: [] },
    only: /^(?:nested|cgroup|devices|set-id|workspace)\./,
  }
  tiers.push({ name: 'B nested, ordinary user', ...user, ...nesting })
  // As root it runs only where no other user reaches what it leaves: set-id bits and capabilities of files are its own there.
  if (isRoot) tiers.push({ name: 'B nested, root', ...nesting, isClosed: true, told: setIds })
  const container = await startContainer(user.uid)
  if (container === undefined) missing.push('C: no right to namespaces in which /proc could be masked')
  // It sees the other processes and their command lines.
  else
    tiers.push({
      ...{ name: 'C, ordinary user', ...user, role: 'contained', prefix: container.prefix },
      told: ['proc.list', 'proc.by-number'],
    })
  const why = prepareBase()
  if (why === undefined)
    tiers.push({
      ...whole,
      name: `podman, ${isRoot ? 'root' : 'ordinary user'}`,
      role: 'boxed',
      told: ownFirst,
      engine: 'podman',
    })
  else missing.push(`podman: ${why}`)
  return { tiers, missing, close: () => container?.close() }
}
