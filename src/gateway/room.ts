/** A room in memory for so many bytes, until it is given back; undefined if there is none. */
export type Reserve = (bytes: number) => (() => void) | undefined

/** Room in memory for bodies that are read as a whole, of all steps together. */
export function createRoom(most: number): Reserve {
  let taken = 0
  return (bytes) => {
    if (taken + bytes > most) return undefined
    taken += bytes
    let isBack = false
    return () => {
      if (!isBack) taken -= bytes
      isBack = true
    }
  }
}
