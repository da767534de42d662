/** Numbers that look like chance and are the same for the same seed, so that a case that failed can be had again. */
export interface Random {
  /** 0 up to, and without, `limit`. */
  below(limit: number): number
  pick<T>(list: readonly T[]): T
  /** So many letters, digits and signs. */
  noise(length: number): string
  letters(length: number, alphabet: string): string
}

/** mulberry32 (Tommy Ettinger, public domain). */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return (t ^ (t >>> 14)) >>> 0
  }
  const below = (limit: number) => next() % limit
  const letters = (length: number, alphabet: string) => {
    const all = Array.from(alphabet)
    return Array.from({ length }, () => all[below(all.length)]).join('')
  }
  return {
    below,
    pick: (list) => list[below(list.length)] as (typeof list)[number],
    letters,
    noise: (length) =>
      letters(length, 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,:;!?'),
  }
}
