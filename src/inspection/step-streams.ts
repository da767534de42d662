import { MayflyError, type StepId } from '../lib/index.ts'
import type { Step } from '../broker/index.ts'
import type { ContentScanner, LookedFor, ScanStream } from './content-scanner.ts'

/** Files of steps that come piece by piece: a step has some places of those that all share, and gives them back when it ends. */
export interface StepStreams {
  /** A scanner for what this step sends. Its `stream` throws `limit_exceeded` for more than a step may have, `revoked` if it has ended. */
  of(step: Step): Pick<ContentScanner, 'scan' | 'stream'>
  end(step: StepId): void
}

/** Docker pushes five layers at once. */
const maxOfStep = 32

export function createStepStreams(scanner: ContentScanner): StepStreams {
  /** What leaves each. */
  const ofSteps = new Map<StepId, Set<() => void>>()

  function open(step: Step, name: string, looked: LookedFor | undefined): ScanStream {
    if (step.endReason !== undefined) throw new MayflyError('revoked', 'the step has ended')
    const own = ofSteps.get(step.id) ?? new Set<() => void>()
    if (own.size >= maxOfStep)
      throw new MayflyError(
        'limit_exceeded',
        `${name}: the step sends more than ${maxOfStep} files at once: end some`,
      )
    const stream = scanner.stream(name, looked)
    let isLeft = false
    const leave = () => {
      isLeft = true
      own.delete(leave)
      if (own.size === 0 && ofSteps.get(step.id) === own) ofSteps.delete(step.id)
      stream.leave()
    }
    /** What was looked at of it says nothing of the rest. */
    const refuseLeft = () => {
      if (isLeft) throw new MayflyError('revoked', `${name} did not come to its end: the step has ended`)
    }
    ofSteps.set(step.id, own.add(leave))
    return {
      write: (piece) => stream.write(piece),
      async end() {
        refuseLeft()
        try {
          const scanned = await stream.end()
          refuseLeft()
          return scanned
        } finally {
          own.delete(leave)
          if (own.size === 0 && ofSteps.get(step.id) === own) ofSteps.delete(step.id)
        }
      },
      leave,
    }
  }

  return {
    of: (step) => ({
      scan: (...file) => scanner.scan(...file),
      stream: (name, looked) => open(step, name, looked),
    }),
    end(step) {
      for (const leave of ofSteps.get(step) ?? []) leave()
      ofSteps.delete(step)
    },
  }
}
