import { setImmediate as breathe } from 'node:timers/promises'
import { firstSweep, idOf } from './collected.ts'
import { createTurns } from './turns.ts'
import type { Owner, VaultSecrets } from './vault-secrets.ts'

/** A secret of the vault, or what a step was given, in what an operator asks about. */
export interface KnownPlace {
  readonly owner: Owner
  /** In the bytes that were asked about; the end is behind it. */
  readonly start: number
  readonly end: number
  /** As a policy names it: 32 hex digits. */
  readonly fingerprint: string
}

export interface KnownAnswer {
  readonly places: readonly KnownPlace[]
  readonly isWhole: boolean
  /** Different texts that looked like a secret and were none that is told, beyond those that do by chance. */
  readonly tries: number
}

/** Says where secrets of the vault stand in what operators scan. */
export interface KnownLook {
  /**
   * Only what nobody guesses (60 bits and more): of what could be guessed, whoever may ask could try it. `isWhole`: all was looked at.
   * Undefined while too many wait. Throws `vault_sealed`.
   */
  look(bytes: Buffer, who: string): Promise<KnownAnswer | undefined>
}

/** Looked at in one go; then others have their turn. */
const sliceBytes = 131_072
/** The longest form of a secret, with the white space that may be in it: slices have so much in common. */
const overlapBytes = 4_096
const mostPlaces = 500
/** At once, of all operators together. */
const mostLooking = 2
const mostWaiting = 256

export function createKnownLook({ secrets }: { readonly secrets: VaultSecrets }): KnownLook {
  const turns = createTurns({ most: mostLooking, waiting: mostWaiting })

  async function lookThrough(bytes: Buffer): Promise<KnownAnswer> {
    const known = secrets.known() ?? (await firstSweep(secrets))
    const places: KnownPlace[] = []
    const tried = new Set<string>()
    /** Where the last form of each secret ends. */
    const ended = new Map<string, number>()
    let isWhole = true
    for (let from = 0; from < bytes.length; from += sliceBytes) {
      const found = known.find(bytes.subarray(from, from + sliceBytes + overlapBytes), (form) =>
        tried.add(form.toString('latin1')),
      )
      isWhole &&= found.isWhole
      for (const hit of found.hits) {
        const [start, end] = [from + hit.start, from + hit.end]
        if (!hit.isCertain) continue
        const fingerprint = known.nameOf(idOf(hit.of))
        // Found by the slice before, too.
        if (start < (ended.get(fingerprint) ?? 0)) continue
        ended.set(fingerprint, end)
        if (places.length >= mostPlaces) isWhole = false
        else places.push({ owner: hit.of, start, end, fingerprint })
      }
      await breathe()
    }
    const tries = Math.max(0, tried.size - Math.round(2 * known.expectedIn(bytes.length)))
    return { places, isWhole, tries }
  }

  return {
    look: (bytes, who) =>
      turns.take<KnownAnswer | undefined>(
        who,
        () => lookThrough(bytes),
        () => undefined,
      ),
  }
}
