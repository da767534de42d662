/** A place for one step to run in; given back when it is disposed of. */
export interface Slot extends Disposable {
  /** To be called once its sandbox is set up; resolves when it may begin. */
  readonly mayBegin: () => Promise<void>
}

export interface Slots<Step> {
  /** Undefined if the signal fires first. */
  take(step: Step, cancel: AbortSignal): Promise<Slot | undefined>
}

/** What decides who may run beside whom. */
export interface Place {
  /** The folder that it works in. */
  readonly folder: string
  /** Its role and isolation: steps in one folder run beside each other only if they may do the same. */
  readonly trust: string
}

interface Waiting<Step> {
  readonly step: Step
  readonly start: (slot: Slot) => void
}

/**
 * Lets so many steps run at once. Those in one folder begin together, once every sandbox of them is set up, and others come
 * into it when all of them have ended: bubblewrap resolves what it mounts by path, so nothing may run in a folder while the
 * next sandbox is set up there, or it could lead the mounts elsewhere.
 */
export function createSlots<Step>(max: number, placeOf: (step: Step) => Place): Slots<Step> {
  let waiting: Waiting<Step>[] = []
  const busy = new Map<string, number>()
  let free = max
  let isPlanned = false

  function plan(): void {
    if (isPlanned) return
    isPlanned = true
    // Steps that have waited for the same one come one after the other within this turn, and begin together.
    setImmediate(() => {
      isPlanned = false
      startBatches()
    })
  }

  function startBatches(): void {
    for (const first of waiting) {
      const { folder, trust } = placeOf(first.step)
      if (free === 0 || !waiting.includes(first) || busy.has(folder)) continue
      const batch = waiting
        .filter(({ step }) => placeOf(step).folder === folder && placeOf(step).trust === trust)
        .slice(0, free)
      waiting = waiting.filter((one) => !batch.includes(one))
      free -= batch.length
      busy.set(folder, batch.length)
      const gate = createGate(batch.length)
      for (const { start } of batch) start(slotOf(folder, gate))
    }
  }

  function slotOf(folder: string, gate: Gate): Slot {
    let isOver = false
    const arrive = once(gate.arrive)
    return {
      mayBegin() {
        arrive()
        return gate.open
      },
      [Symbol.dispose]() {
        if (isOver) return
        isOver = true
        arrive()
        free++
        const left = (busy.get(folder) ?? 1) - 1
        if (left === 0) busy.delete(folder)
        else busy.set(folder, left)
        plan()
      },
    }
  }

  return {
    take(step, cancel) {
      if (cancel.aborted) return Promise.resolve(undefined)
      return new Promise((resolve) => {
        const leave = () => {
          waiting = waiting.filter((one) => one !== me)
          resolve(undefined)
        }
        const me: Waiting<Step> = {
          step,
          start(slot) {
            cancel.removeEventListener('abort', leave)
            resolve(slot)
          },
        }
        cancel.addEventListener('abort', leave, { once: true })
        waiting.push(me)
        plan()
      })
    },
  }
}

interface Gate {
  readonly arrive: () => void
  readonly open: Promise<void>
}

/** Opens when so many have come; who does not come must say so by arriving, too. */
function createGate(count: number): Gate {
  const { promise: open, resolve } = Promise.withResolvers<void>()
  let left = count
  return {
    open,
    arrive() {
      if (--left === 0) resolve()
    },
  }
}

function once(act: () => void): () => void {
  let done = false
  return () => {
    if (done) return
    done = true
    act()
  }
}
