import type { StepId } from '../lib/index.ts'
import type { AuditClient } from '../audit/client/index.ts'
import { stepEvent, type Step, type StoredLockfiles } from '../broker/index.ts'
import { createLockfileReader, type Pins } from '../lockfiles/index.ts'

/** What steps have pinned. The first lockfiles of a step count: an install script cannot widen them afterwards. */
export interface Pinned {
  /** Takes a bundle of lockfiles (`packLockfiles`), recorded before it counts. Throws `bad_input` and `limit_exceeded`. */
  pin(step: Step, bundle: string): Promise<Pins>
  /** Of a step that pinned before this process was there, too. */
  of(step: StepId): Promise<Pins | undefined>
  forget(step: StepId): void
}

export function createPinned(deps: { audit: AuditClient; lockfiles?: StoredLockfiles | undefined }): Pinned {
  const { lockfiles } = deps
  const pinned = new Map<StepId, Promise<Pins>>()
  const readPins = createLockfileReader()

  function remember(step: StepId, make: () => Promise<Pins>): Promise<Pins> {
    const known = pinned.get(step)
    if (known !== undefined) return known
    const pins = make()
    pinned.set(step, pins)
    pins.catch(() => pinned.delete(step))
    return pins
  }

  async function pinFirst(step: Step, bundle: string): Promise<Pins> {
    const before = await lockfiles?.load(step.id)
    if (before !== undefined) return readPins(before)
    const pins = await readPins(bundle)
    const { packages, digest } = pins
    await deps.audit.append(
      stepEvent(step, 'lockfile.pinned', { packages, sha256: digest, ...recordedFiles(pins) }),
    )
    await lockfiles?.keep(step.id, bundle)
    return pins
  }

  return {
    pin: (step, bundle) => remember(step.id, () => pinFirst(step, bundle)),
    async of(step) {
      const known = pinned.get(step)
      if (known !== undefined) return known
      const bundle = await lockfiles?.load(step)
      return bundle === undefined ? pinned.get(step) : remember(step, () => readPins(bundle))
    },
    forget: (step) => void pinned.delete(step),
  }
}

/** As an entry has room for so many: the paths are whoever wrote the workspace's choice, and the digest is of them all. */
const recordedBytes = 32_000

function recordedFiles({ files }: Pins): { files: Pins['files']; fileCount?: number } {
  let left = recordedBytes
  const fitting = files.filter((one) => (left -= Buffer.byteLength(JSON.stringify(one))) >= 0)
  return { files: fitting, ...(fitting.length < files.length ? { fileCount: files.length } : {}) }
}
