import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import { SLUG_PATTERN } from './slug.js'
import { MAX_TARGET_LENGTH } from './target.js'

const url = { type: 'string', minLength: 1, maxLength: MAX_TARGET_LENGTH }
const expiresAt = { type: ['string', 'null'], format: 'date-time', maxLength: 40 }

export const slugParams = {
  type: 'object',
  properties: { slug: { type: 'string', pattern: SLUG_PATTERN } },
  required: ['slug'],
}

export const createBody = {
  type: 'object',
  properties: { url, slug: { type: 'string', pattern: SLUG_PATTERN }, expiresAt },
  required: ['url'],
  additionalProperties: false,
}

export const updateBody = {
  type: 'object',
  properties: { url, expiresAt },
  minProperties: 1,
  additionalProperties: false,
}

export const listQuery = {
  type: 'object',
  properties: {
    after: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER, default: 0 },
    limit: { type: 'integer', minimum: 1, maximum: 200, default: 50 },
  },
  additionalProperties: false,
}

const linkProperties = {
  slug: { type: 'string' },
  shortUrl: { type: 'string' },
  url: { type: 'string' },
  createdAt: { type: 'string' },
  createdBy: { type: 'string' },
  updatedAt: { type: 'string' },
  expiresAt: { type: ['string', 'null'] },
  hits: { type: 'integer' },
}

export const link = { type: 'object', properties: linkProperties, required: Object.keys(linkProperties) }

export const linkPage = {
  type: 'object',
  properties: { links: { type: 'array', items: link }, next: { type: ['integer', 'null'] } },
  required: ['links', 'next'],
}

/**
 * Fastify's default would drop unknown body properties and turn numbers into strings. A body is taken
 * as it is or refused; only the query string, which is all text, is coerced.
 */
export function createValidatorCompiler() {
  const strict = addFormats.default(new Ajv({ allowUnionTypes: true }))
  const coercing = addFormats.default(new Ajv({ coerceTypes: true, useDefaults: true }))
  return ({ schema, httpPart }) => (httpPart === 'querystring' ? coercing : strict).compile(schema)
}
