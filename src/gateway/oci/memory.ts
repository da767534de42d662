import type { Hash } from 'node:crypto'
import type { Secret } from '../../lib/index.ts'
import type { Exchange } from '../exchange.ts'
import type { Look, LookStream } from '../look.ts'

/**
 * What is remembered of one step at one registry, in this gateway alone, and gone with the step: an upload belongs to the step
 * and the repository that began it, a token to the step it was asked for.
 */
export interface Memory {
  /** By a name of ours: where the registry has it is not told. */
  readonly uploads: Map<string, UploadState>
  /** Digests that the step may pull, by repository: parts of what it was given under a name that it may pull. */
  readonly reached: Known
  /** Manifests that it has pushed, by repository. */
  readonly pushed: Known
  /** Queries that it named as next pages, by the path of the list. */
  readonly pages: Known
  /** How the registry asks for tokens; undefined until it did. */
  challenge: Challenge | undefined
  /** By scope. */
  readonly tokens: Map<string, { readonly authorization: Secret; readonly untilMs: number }>
}

export interface UploadState {
  readonly repository: string
  readonly hash: Hash
  bytes: number
  /** Where the registry takes the next bytes. */
  location: URL
  /** It is looked at as it comes, if the step's role says so. */
  readonly look: { readonly of: Look; readonly stream: LookStream } | undefined
  /** One request at a time. */
  busy: boolean
}

export interface Challenge {
  readonly realm: URL
  readonly service: string
}

/** What a step was told, by the repository or path that it is of. */
export interface Known {
  has(of: string, item: string): boolean
  add(of: string, items: readonly string[]): void
}

/** Each of them takes 200 bytes; an image has a few dozen. */
const maxKnown = 50_000

/** A registry's memory of each step. */
export function createMemories(): (exchange: Exchange) => Memory {
  const steps = new WeakMap<object, Map<string, Memory>>()
  return ({ ofStep, connection }) => {
    const ofStepsRegistries = steps.get(ofStep) ?? new Map<string, Memory>()
    steps.set(ofStep, ofStepsRegistries)
    // By name and place: when the policy is changed elsewhere, an upload goes on.
    const key = `${connection.name} ${connection.url}`
    const known = ofStepsRegistries.get(key) ?? {
      uploads: new Map(),
      reached: createKnown(),
      pushed: createKnown(),
      pages: createKnown(),
      challenge: undefined,
      tokens: new Map(),
    }
    ofStepsRegistries.set(key, known)
    return known
  }
}

function createKnown(): Known {
  const known = new Set<string>()
  return {
    has: (of, item) => known.has(`${of}@${item}`),
    add(of, items) {
      for (const item of items) if (known.size < maxKnown) known.add(`${of}@${item}`)
    },
  }
}
