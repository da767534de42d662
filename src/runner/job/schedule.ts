/** A step of the graph. */
export interface Needing {
  readonly name: string
  /** Names of steps above it in the list. */
  readonly needs: readonly string[]
}

/** What became of a step. */
export type Fate<Result> =
  | { readonly kind: 'ran'; readonly ok: boolean; readonly result: Result }
  /** Its condition said no, although nothing had failed. */
  | { readonly kind: 'passed_over' }
  /** Something had failed, or the job was asked to end. */
  | { readonly kind: 'not_started' }

export interface Graph<Step extends Needing, Result> {
  /** Each after those that it needs. */
  readonly steps: readonly Step[]
  /** Whether one failure is everybody's; else it is that of those who need the step. */
  readonly failFast: boolean
  /** Whether the step is to run, if so much has failed. */
  readonly wants: (step: Step, failed: boolean) => boolean
  /**
   * Runs it. `stillWanted` is to be asked again after every wait before it begins; undefined if it then did not. A throw is a
   * fault, which is thrown on once everything else has ended.
   */
  run(step: Step, stillWanted: () => boolean): Promise<{ ok: boolean; result: Result } | undefined>
  /** Asks a step that runs, or waits to, to end; `run` resolves all the same. */
  interrupt(step: Step): void
  readonly cancel: AbortSignal
}

/**
 * Runs a graph of steps, each once those that it needs have ended, and says what became of each. Nothing begins after
 * `cancel`; nothing is running any more when it returns or throws.
 */
export async function schedule<Step extends Needing, Result>(
  graph: Graph<Step, Result>,
): Promise<ReadonlyMap<string, Fate<Result>>> {
  const { steps, failFast, wants, cancel } = graph
  const ends = new Map<string, Promise<Fate<Result>>>()
  const running = new Set<Step>()
  /** Steps that failed, and those that need one of them. */
  const behindFailure = new Set<string>()
  const faults: unknown[] = []
  let anyFailed = false

  const failedFor = (step: Step) =>
    failFast ? anyFailed : step.needs.some((name) => behindFailure.has(name))
  const isWanted = (step: Step) => !cancel.aborted && wants(step, failedFor(step))

  function fail(step: Step): void {
    behindFailure.add(step.name)
    anyFailed = true
    if (!failFast) return
    for (const other of running) if (!wants(other, true)) graph.interrupt(other)
  }

  async function live(step: Step): Promise<Fate<Result>> {
    for (const name of step.needs) await ends.get(name)
    if (step.needs.some((name) => behindFailure.has(name))) behindFailure.add(step.name)
    if (!isWanted(step)) return without(step)
    running.add(step)
    const ran = await graph.run(step, () => isWanted(step)).catch((fault: unknown) => void faults.push(fault))
    running.delete(step)
    if (ran === undefined) {
      if (faults.length > 0) fail(step)
      return without(step)
    }
    if (!ran.ok) fail(step)
    return { kind: 'ran', ...ran }
  }

  function without(step: Step): Fate<Result> {
    const isForFailure = cancel.aborted || (failedFor(step) && wants(step, false))
    return { kind: isForFailure ? 'not_started' : 'passed_over' }
  }

  for (const step of steps) ends.set(step.name, live(step))
  const fates = new Map<string, Fate<Result>>()
  for (const [name, end] of ends) fates.set(name, await end)
  if (faults.length > 0) throw faults[0]
  return fates
}
