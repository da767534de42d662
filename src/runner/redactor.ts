import { Secret } from '../lib/index.ts'
import { createMasker, formsOf, type Masker } from '../mask/index.ts'

/**
 * The secrets of one job, and the way of everything that the supervisor itself writes: its own lines, the JSON
 * report, what it sends to the server. The step's output goes through the same masker.
 */
export interface Redactor {
  /** From now on this one, too: in open streams, and in all that is written after. */
  readonly add: (...secrets: Secret[]) => void
  /** The same for a token that Mayfly has itself and gives to no step: in fewer forms, since it costs time at each start. */
  readonly addOwn: (token: Secret) => void
  /**
   * The same for texts that a server has found in what a step writes: of the first of a job in all forms, of the others, of which there
   * may be thousands, as for `addOwn`.
   */
  readonly addFound: (texts: readonly string[], name: string) => void
  /** For the step's output. Made at the first use, which costs some milliseconds: see `warm`. */
  readonly masker: () => Masker
  /** Makes the masker now, while somebody else is waited for. */
  readonly warm: () => void
  readonly text: (text: string) => string
  /** The same secrets; what is masked by it, step's output or text, is told by name. */
  readonly counting: (onSeen: (name: string) => void) => Redactor
  /** A command line in one line of text; a secret is found also where it goes over the edge of an argument. */
  readonly command: (command: readonly string[]) => string
  /** A copy of plain data with every string in it masked. */
  readonly data: <T>(value: T) => T
  /** Whether a host name or URL holds a secret: in any case of letters, since host names lose theirs on the way. */
  readonly isIn: (address: string) => boolean
  /** Values that are too short, blank or long to be masked. */
  readonly unmasked: () => number
}

/** Nothing for the masker: it looks through ANSI sequences as if they were not there. */
const seam = '\x1b[m'
/** A host name has 253 characters at most; what is longer cannot be in one. */
const addressBytes = 4_096
/** Each takes a millisecond and some 80 KB. */
const mostFoundInAllForms = 200

export function createRedactor(secrets: readonly Secret[]): Redactor {
  const all: Secret[] = []
  const seen = new Set<string>()
  let made: Masker | undefined
  /** Until there is a masker. */
  let waiting: Secret[] = []
  const own = new Set<Secret>()
  let unmasked = 0
  let found = 0
  const inAddresses = new Map<Secret, readonly string[]>()
  add(...secrets)

  // Two variables often hold the same value.
  function add(...more: readonly Secret[]): void {
    const fresh: Secret[] = []
    for (const secret of more) {
      if (seen.has(secret.reveal())) continue
      seen.add(secret.reveal())
      all.push(secret)
      fresh.push(secret)
    }
    // Streams that are open ask for no masker again.
    if (made === undefined) waiting.push(...fresh)
    else learn(made, fresh)
  }

  function learn(masker: Masker, fresh: readonly Secret[]): void {
    const few = fresh.filter((secret) => own.has(secret))
    const many = fresh.filter((secret) => !own.has(secret))
    if (many.length > 0) unmasked += masker.addAll(many).filter(({ ok }) => !ok).length
    if (few.length > 0) masker.addAll(few, { fewForms: true })
  }

  function masker(): Masker {
    if (made !== undefined) return made
    made = createMasker([])
    learn(made, waiting)
    waiting = []
    return made
  }

  function addFound(texts: readonly string[], name: string): void {
    const fresh = [...new Set(texts)].filter((text) => !seen.has(text)).map((text) => new Secret(text, name))
    for (const secret of fresh) if (found++ >= mostFoundInAllForms) own.add(secret)
    add(...fresh)
  }

  type OnSeen = ((name: string) => void) | undefined

  function text(plain: string, onSeen: OnSeen): string {
    const stream = masker().stream(onSeen)
    return Buffer.concat([stream.write(Buffer.from(plain)), stream.end()]).toString()
  }

  function data(value: unknown, mask: (plain: string) => string): unknown {
    if (typeof value === 'string') return mask(value)
    if (Array.isArray(value)) return value.map((member) => data(member, mask))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, data(member, mask)]))
  }

  function formsInAddresses(secret: Secret): readonly string[] {
    const known = inAddresses.get(secret)
    if (known !== undefined) return known
    const isLong = Buffer.byteLength(secret.reveal()) > addressBytes
    const forms = isLong
      ? []
      : formsOf(secret.reveal(), own.has(secret)).map(({ bytes }) => bytes.toString('latin1').toLowerCase())
    inAddresses.set(secret, forms)
    return forms
  }

  function view(onSeen: OnSeen): Redactor {
    const mask = (plain: string) => text(plain, onSeen)
    return {
      add,
      addOwn(token) {
        if (!seen.has(token.reveal())) own.add(token)
        add(token)
      },
      addFound,
      masker() {
        const all = masker()
        if (onSeen === undefined) return all
        const stream: Masker['stream'] = (also = onSeen) => all.stream(also)
        return { ...all, stream, pieces: (source, also = onSeen) => all.pieces(source, also) }
      },
      warm: () => void masker(),
      text: mask,
      counting: view,
      command: (command) => mask(mask(command.join(seam)).replaceAll(seam, ' ')),
      data: <T>(value: T) => data(value, mask) as T,
      isIn(address) {
        const lower = Buffer.from(address).toString('latin1').toLowerCase()
        return all.some((secret) => formsInAddresses(secret).some((form) => lower.includes(form)))
      },
      unmasked() {
        masker()
        return unmasked
      },
    }
  }
  return view(undefined)
}
