import { intersects } from '../../lib/index.ts'
import type { DraftRegistry, LintRule } from './rule.ts'

export const registries: LintRule = {
  id: 'registries',
  severity: 'warning',
  title: 'Two registries may serve one package',
  why: 'Whoever publishes a private package’s name on the other registry has it installed instead (dependency confusion).',
  fix: 'Give the private registry `only: ["@octo/*"]`: no other registry of its kind serves these names then.',
  refused: 'refused where the `only` of two registries match one name',
  check({ registries: all }) {
    return all.flatMap((one, i) =>
      all.slice(0, i).flatMap((other) => {
        if (one.kind !== other.kind) return []
        const shared = sharedBy(one, other)
        if (shared !== undefined)
          return [
            {
              path: ['connections', one.name, 'only'],
              message: `connections "${other.name}" and "${one.name}" both serve ${shared} alone: leave it out of one`,
              severity: 'error' as const,
              refused: true as const,
            },
          ]
        if (one.only !== undefined || other.only !== undefined) return []
        return [
          {
            path: ['connections', one.name],
            message: `connections "${other.name}" and "${one.name}" may serve packages of one name: say with only which names come from one alone`,
          },
        ]
      }),
    )
  },
}

/** Patterns of both that match a name together. */
function sharedBy(one: DraftRegistry, other: DraftRegistry): string | undefined {
  for (const a of other.only ?? [])
    for (const b of one.only ?? []) if (intersects(a, b)) return a === b ? `"${a}"` : `"${a}" and "${b}"`
  return undefined
}
