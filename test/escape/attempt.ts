/** One way out that a step tries: a small program, run inside, and outside to see that it works where nothing holds it. */
export interface Attempt {
  /** Of the whole suite the only one so called. */
  readonly name: string
  readonly tries: string
  /**
   * Says `reached`, `held` or `unavailable` (there is no such thing here), one of the three, and ends. Perl with the words of
   * `programs/Escape.pm`, if nothing else is said; for C a file of `programs/`.
   */
  readonly program: string
  readonly language?: 'sh' | 'c'
  readonly control: Control
  /** In a step of its own: it kills, or changes, what others need. */
  readonly alone?: true
  /** It ends its own step, and the end of the run has to say so. */
  readonly ends?: true
  /** Held is also who ends it by this signal. */
  readonly dies?: 'SYS'
  /** Options and variables of its `mayfly run`; then it has a step of its own. */
  readonly options?: readonly string[]
  readonly variables?: (ground: Ground) => Record<string, string>
  /** What of it outlived the step, or reached the machine: looked at outside, once the step has ended. */
  readonly afterwards?: (ground: Ground) => Promise<string | undefined> | string | undefined
}

/**
 * Where the same program gets through: on the machine as its user is there, or in namespaces made for it, where it is root and
 * nothing else is. `root-`: only if it is root on the machine. Or why there is no such place.
 */
export type Control =
  | 'machine'
  | 'namespaces'
  | 'root-machine'
  | 'root-namespaces'
  | { readonly none: string }

/** Where an attempt is made: folders of the machine, by their paths there. */
export interface Ground {
  readonly side: 'inside' | 'outside'
  readonly workspace: string
  /** The programs, read-only inside. */
  readonly tools: string
  readonly home: string
  /** A file of the machine with the secret in it, of the step's own user. */
  readonly secretFile: string
  readonly secret: string
}
