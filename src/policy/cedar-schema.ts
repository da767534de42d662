import { schemaToText } from '@cedar-policy/cedar-wasm/nodejs'
import { trustAttributes } from '../config/index.ts'
import { MayflyError } from '../lib/index.ts'
import { actionNames } from '../kinds/index.ts'

const text = { type: 'String' } as const
const optionalText = { type: 'String', required: false } as const

/**
 * What Cedar policies are held against: a session in a role acts on a resource of a connection, in the context of
 * the job that assumed the role. What the job's issuer does not say is not there: ask `context has environment`.
 */
export const cedarSchema = {
  Mayfly: {
    entityTypes: {
      Role: {},
      Resource: {
        shape: { type: 'Record' as const, attributes: { connection: text, path: text, ref: text } },
      },
    },
    actions: Object.fromEntries(
      actionNames.map((name) => [
        name,
        {
          appliesTo: {
            principalTypes: ['Role'],
            resourceTypes: ['Resource'],
            context: {
              type: 'Record' as const,
              attributes: {
                issuer: text,
                ...Object.fromEntries([...trustAttributes].map((attribute) => [attribute, optionalText])),
              },
            },
          },
        },
      ]),
    ),
  },
}

/** The schema in Cedar's own words, for editors and for `cedar validate`. */
export function cedarSchemaText(): string {
  const answer = schemaToText(cedarSchema)
  if (answer.type === 'failure')
    throw new MayflyError(
      'config_invalid',
      `the Cedar schema cannot be written: ${answer.errors[0]?.message}`,
    )
  return answer.text
}
