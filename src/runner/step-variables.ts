interface Of {
  readonly name: string
  readonly role: string
  readonly isolation: string
}

interface Variable {
  readonly name: string
  readonly value: string
}

/**
 * Variables that the steps of one job set for those after them, by the file that their CI has for it ($GITHUB_ENV). They are
 * set for later steps in the same role and isolation alone: one that may less never sets a variable of one that may more.
 */
export interface StepVariables {
  /** Takes what has been checked; returns a line for each thing that somebody could miss. */
  set(step: Of, variable: string, taken: readonly Variable[]): string[]
  of(step: Of): Readonly<Record<string, string>>
}

/** Of one role, names and values: one variable may hold no more when a program is started (execve(2), MAX_ARG_STRLEN). */
const maxBytes = 120_000

export function createStepVariables({ steps }: { steps: readonly Of[] }): StepVariables {
  const ofTrust = new Map<string, Map<string, string>>()
  const told = new Set<string>()
  return {
    set(step, variable, taken) {
      const trust = trustOf(step)
      const here = ofTrust.get(trust) ?? new Map<string, string>()
      ofTrust.set(trust, here)
      const left: string[] = []
      for (const { name, value } of taken)
        if (bytesOf([...here].filter(([known]) => known !== name)) + bytesOf([[name, value]]) > maxBytes)
          left.push(name)
        else here.set(name, value)
      const lines = left.map(
        (name) =>
          `$${variable}: ${name} is not set for later steps of this pipeline file: together more than ${maxBytes} bytes`,
      )
      const others = steps.filter((one) => one.role !== step.role).map(({ name }) => `"${name}"`)
      if (taken.length > 0 && others.length > 0 && !told.has(trust)) {
        told.add(trust)
        lines.push(
          `$${variable} sets variables for later steps in role "${step.role}"; steps in another role (${others.slice(0, 5).join(', ')}${others.length > 5 ? ', ...' : ''}) do not have them: hand values to them as outputs`,
        )
      }
      return lines
    },
    of: (step) => Object.fromEntries(ofTrust.get(trustOf(step)) ?? []),
  }
}

const trustOf = ({ role, isolation }: Of) => `${role} ${isolation}`

function bytesOf(variables: readonly (readonly [string, string])[]): number {
  return variables.reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value), 0)
}
