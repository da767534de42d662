import type { Candidate } from '../scan/known/index.ts'
import type { PlacedCandidate } from './content-scanner.ts'

/** What may be secrets of the vault in one file, each text once with the places where it stands. */
export interface PlacedCandidates {
  /** False if it is not kept, since too many others begin as it does. */
  add(candidate: Candidate, content: Standing): boolean
  readonly all: () => PlacedCandidate[]
}

export interface Standing {
  readonly name: string
  readonly isBinary: boolean
  /** From 1. */
  readonly line: (start: number) => number
  /** In the file, if it stands there as it is. */
  readonly offset: ((start: number) => number) | undefined
  /** Of output: what of the file it was decoded from, if it was. */
  readonly decodedFrom?: ((start: number) => { readonly from: number; readonly to: number }) | undefined
}

/** Of one text, one in each member; of how many more it stands in is counted. */
const maxPlaces = 100
/**
 * Texts with the same window, and all of them. Whoever knows what one secret begins with can write as many as he likes that begin so:
 * they keep out no text that begins as another does.
 */
const [maxOfWindow, maxTexts] = [200, 20_000]

export function createPlacedCandidates(): PlacedCandidates {
  const texts = new Map<string, ReturnType<typeof textOf>>()
  const ofWindows = new Map<number, number>()

  return {
    all: () => [...texts.values()],
    add({ form, window, start, end }, { name, isBinary, line, offset, decodedFrom: regionOf }) {
      const key = form.toString('latin1')
      const known = texts.get(key)
      // By another of its windows.
      if (known !== undefined && known.last.name === name && known.last.start === start) return true
      const ofWindow = ofWindows.get(window) ?? 0
      if (known === undefined && (ofWindow >= maxOfWindow || texts.size >= maxTexts)) return false
      const text = known ?? textOf(form)
      if (known === undefined) {
        texts.set(key, text)
        ofWindows.set(window, ofWindow + 1)
      }
      const decodedFrom = regionOf?.(start)
      const isNext = text.last.name !== name
      text.last = { name, start }
      if (isNext && text.places.length < maxPlaces) text.places.push({ name, isBinary, line: line(start) })
      else if (isNext) text.more++
      if (decodedFrom !== undefined) {
        if (text.decodedFrom.length <= maxPlaces) text.decodedFrom.push(decodedFrom)
      } else if (offset !== undefined)
        text.spans.push({ from: offset(start), to: offset(start) + end - start })
      return true
    },
  }
}

function textOf(form: Buffer) {
  return {
    form,
    places: [] as { name: string; isBinary: boolean; line: number }[],
    more: 0,
    decodedFrom: [] as { from: number; to: number }[],
    spans: [] as { from: number; to: number }[],
    last: { name: '', start: -1 },
  }
}
