import type { Clock, Secret } from '../lib/index.ts'
import type { RotatorConfig, RotatorName } from '../config/index.ts'
import type { HttpClient } from '../http-client/index.ts'
import type { RunCommand } from './commands.ts'

/** JSON that is kept: what finds something at an upstream again. Never a secret. */
export type Plain = null | boolean | number | string | readonly Plain[] | { readonly [key: string]: Plain }

/**
 * Makes new values of a secret at one kind of upstream and ends old ones. It keeps nothing: whatever it needs it is given
 * again, by a server that may have seen none of it, and each act may be asked for twice.
 * Methods throw `upstream_unreachable` (nobody answers; ask again) or `credential_failed` (it refuses), in one line without
 * a word of what the upstream said, since that may be the secret.
 */
export interface Rotator<Name extends RotatorName = RotatorName> {
  readonly name: Name
  /** What it will do, for people who ask before it does. */
  readonly tells: string
  /** True where the old value dies when the new one is made: then there is no way back. */
  inPlace(config: RotatorConfig<Name>): boolean
  /** True where `credential_failed` of `create` says that nothing was made, so long as the old value lives. */
  readonly refusesPlainly?: true
  /** What it cannot do itself, if a person makes the value: they are told, and what they set is probed. */
  readonly byPerson?: string
  /** Durable before `create` is called. With the value, where Mayfly chooses it. */
  plan(work: Work<Name>, tools: RotatorTools): Promise<Planned>
  /** What else can be asked without a change, to see whether a rotation would go; throws as the others do. */
  tryOut?(work: Work<Name>, tools: RotatorTools): Promise<void>
  create(work: Work<Name>, tools: RotatorTools): Promise<Created>
  /**
   * Asked by whoever goes on after `create` was begun and its answer never came: `again`, where doing it twice is doing it once;
   * `undo`, where what it may have made is found and ended; `made`, where it is known to have been made; `lost`, where neither can
   * be told and a person must look.
   */
  afterLostAnswer(work: Work<Name>, tools: RotatorTools): Promise<'again' | 'undo' | 'made' | 'lost'>
  /** Uses a value, as its owner would. `unknown` where that cannot be told. */
  probe(work: Work<Name>, one: Version, tools: RotatorTools): Promise<Probed>
  /** What the upstream must be told before the new value is used. */
  promote?(work: Work<Name>, tools: RotatorTools): Promise<void>
  /** Ends one: the old one, or a new one that is not to be used, also one whose making was never answered. */
  revoke(work: Work<Name>, one: Version, tools: RotatorTools): Promise<Revoked>
}

export type Probed = 'alive' | 'dead' | 'unknown'

/** `not_known`: nothing says which one to end, so a person must. */
export type Revoked = 'revoked' | 'not_found' | 'not_known'

export interface Work<Name extends RotatorName = RotatorName> {
  readonly secret: string
  /** A name for what is made, which no other rotation has: letters, digits and hyphens. */
  readonly name: string
  readonly config: RotatorConfig<Name>
  readonly plan: Plain
  readonly old: Version
  /** Its value is undefined until it is known. */
  readonly new: Version
}

export interface Version {
  readonly which: 'old' | 'new'
  readonly value: Secret | undefined
  /** What `create` gave; undefined for one that a person has set, or whose making was never answered. */
  readonly handle: Plain | undefined
}

export interface Planned {
  readonly plan: Plain
  readonly value?: Secret
}

export interface Created {
  /** As the secret is to hold it. */
  readonly value: Secret
  /** What ends it. Never a secret. */
  readonly handle: Plain
  /** What would end the old value, where `create` has asked for that: it must be another. */
  readonly oldHandle?: Plain
}

export interface RotatorTools {
  readonly clock: Clock
  readonly http: HttpClient
  readonly runCommand: RunCommand
  openSecret(name: string): Promise<Secret>
}
