import { GraphQLError, parse, visit, type DocumentNode } from 'graphql'
import type { Operation } from '../policy/index.ts'
import { collect } from './collect.ts'
import type { Exchange } from './exchange.ts'

const maxBodyBytes = 1_048_576
const maxTokens = 20_000

/**
 * What a GraphQL request does: the fields at the root of every operation in its document (GraphQL, October 2021, section 2.3),
 * whichever of them is run, so that neither a name nor a fragment hides a mutation. `body` is written anew from what was read: no
 * server can read something else in it. Returns why it is refused otherwise.
 */
export async function readGraphql(
  exchange: Exchange,
): Promise<{ operations: readonly Operation[]; body: Buffer } | string> {
  const body = await collect(exchange.request, maxBodyBytes)
  if (body === undefined) return `a GraphQL request over ${maxBodyBytes} bytes, or one that broke off`
  const asked = requestIn(body.toString('utf8'))
  if (typeof asked === 'string') return asked
  const fields = rootFields(asked.document)
  if (typeof fields === 'string') return fields
  const { kind, name: connection } = exchange.connection
  return {
    body: Buffer.from(JSON.stringify(asked.plain)),
    operations: fields.map(({ of, field }) => ({ action: `${kind}:${of}`, connection, path: field })),
  }
}

interface Plain {
  readonly query: string
  readonly variables?: unknown
  readonly operationName?: unknown
}

function requestIn(text: string): { plain: Plain; document: DocumentNode } | string {
  try {
    const asked: unknown = JSON.parse(text)
    // A list would be several requests in one.
    if (typeof asked !== 'object' || asked === null || Array.isArray(asked))
      return 'a GraphQL request is one JSON object'
    const { query, variables, operationName } = asked as Partial<Record<keyof Plain, unknown>>
    if (typeof query !== 'string')
      return 'a GraphQL request has its document in "query"; one that is kept at the server cannot be judged'
    return {
      plain: { query, variables, operationName },
      document: parse(query, { maxTokens, noLocation: true }),
    }
  } catch (error) {
    if (error instanceof GraphQLError) return `its document cannot be read: ${error.message.slice(0, 200)}`
    return 'a GraphQL request is JSON'
  }
}

interface RootField {
  readonly of: 'query' | 'mutation'
  readonly field: string
}

const typesOfRoots: Readonly<Record<string, RootField['of']>> = { Query: 'query', Mutation: 'mutation' }

function rootFields(document: DocumentNode): RootField[] | string {
  const found = new Map<string, RootField>()
  const fragments = new Map<string, string>()
  const spread = new Set<string>()
  let of: RootField['of'] | undefined
  let depth = 0
  let isSubscription = false
  visit(document, {
    OperationDefinition: {
      enter({ operation }) {
        isSubscription ||= operation === 'subscription'
        of = operation === 'mutation' ? 'mutation' : 'query'
        depth = 0
      },
    },
    FragmentDefinition: {
      enter({ name, typeCondition }) {
        fragments.set(name.value, typeCondition.name.value)
        of = typesOfRoots[typeCondition.name.value]
        depth = 0
      },
    },
    FragmentSpread: {
      enter({ name }) {
        if (depth === 0 && of !== undefined) spread.add(name.value)
      },
    },
    Field: {
      enter({ name }) {
        if (depth++ === 0 && of !== undefined && name.value !== '__typename')
          found.set(`${of} ${name.value}`, { of, field: name.value })
      },
      leave() {
        depth--
      },
    },
  })
  if (isSubscription) return 'subscriptions are not passed'
  // Its fields would be the root's under another type's name.
  const foreign = [...spread].find((name) => !Object.hasOwn(typesOfRoots, fragments.get(name) ?? ''))
  if (foreign !== undefined)
    return `the fragment ${foreign} stands at the root of an operation and is not of Query or Mutation: write its fields there`
  return found.size === 0 ? 'its document asks for nothing' : [...found.values()]
}
