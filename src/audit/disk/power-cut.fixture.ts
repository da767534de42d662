import { type Survives, systemError, type Weather } from './memory-disk.fixture.ts'

/** One end of a process: at which call to the disk, whether that one is still done, and what is left on the disk. */
export interface End {
  call: number
  done: boolean
  /** `kill`: everything, as the machine goes on. Otherwise what an fsync covers, and none, all or a part of the rest. */
  left: 'kill' | 'none' | 'all' | number
}

/** From its end on nothing the process does reaches the disk. */
export function endingAt({ call: end, done }: Omit<End, 'left'>): Weather & { ended: () => boolean } {
  let calls = 0
  const fail = (name: string, path: string) => {
    throw systemError('EIO', name, path)
  }
  return {
    before({ name, path }) {
      calls++
      if (calls > end || (calls === end && !done)) fail(name, path)
      return undefined
    },
    after({ name, path }) {
      if (calls >= end) fail(name, path)
    },
    ended: () => calls >= end,
  }
}

export function survivalOf(left: 'none' | 'all' | number): Survives {
  if (typeof left === 'string') return () => left === 'all'
  let state = left
  return () => {
    // Numerical Recipes' generator: any will do, and a failure has to come again from its number.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state >= 0x8000_0000
  }
}
