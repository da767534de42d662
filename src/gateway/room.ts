/** A room in memory for so many bytes, until it is given back; undefined if there is none. `step` is whose they are (`ofStep`). */
export type Reserve = (bytes: number, step?: object) => (() => void) | undefined

/** Room in memory for bodies that are read as a whole, of all steps together; one step has half of it at most. */
export function createRoom(most: number): Reserve {
  const ofSteps = new WeakMap<object, number>()
  let taken = 0
  return (bytes, step = {}) => {
    const own = ofSteps.get(step) ?? 0
    if (taken + bytes > most || own + bytes > most / 2) return undefined
    const add = (more: number) => {
      taken += more
      ofSteps.set(step, (ofSteps.get(step) ?? 0) + more)
    }
    add(bytes)
    let isBack = false
    return () => {
      if (!isBack) add(-bytes)
      isBack = true
    }
  }
}
