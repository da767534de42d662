import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { Provider, type Configuration } from 'oidc-provider'

/** Who signs in next at the provider, and what it says of them. */
export interface Account {
  sub: string
  [claim: string]: unknown
}

/** A real OpenID Connect provider (oidc-provider) on a free port; whoever `account` is, is signed in at once. */
export async function startProvider(t: TestContext, configuration: Configuration = {}) {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const state: { account: Account; redirectUri: string } = { account: { sub: 'anna-1' }, redirectUri: '' }
  const clients: { client_id: string; client_secret: string; redirect_uris: string[] }[] = []
  let provider: Provider | undefined

  /** Registers our client, once our own URL is known. */
  function register(redirectUri: string): void {
    clients.push({ client_id: 'mayfly', client_secret: 'p@ss word:1', redirect_uris: [redirectUri] })
    provider = new Provider(url, {
      clients,
      pkce: { required: () => true },
      claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'] },
      scopes: ['openid', 'email', 'profile', 'groups'],
      features: { devInteractions: { enabled: false } },
      interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
      cookies: { keys: ['test'] },
      findAccount: (_, sub) => ({ accountId: sub, claims: async () => ({ ...state.account, sub }) }),
      ...configuration,
    })
    const callback = provider.callback()
    server.on('request', (request, response) => {
      if (!request.url?.startsWith('/interaction/')) return void callback(request, response)
      void finish(provider as Provider, request, response)
    })
  }

  async function finish(
    from: Provider,
    ...[request, response]: Parameters<Provider['interactionDetails']>
  ): Promise<void> {
    const { params, prompt } = await from.interactionDetails(request, response)
    if (prompt.name === 'login')
      return from.interactionFinished(request, response, { login: { accountId: state.account.sub } })
    const grant = new from.Grant({ accountId: state.account.sub, clientId: String(params['client_id']) })
    grant.addOIDCScope(String(params['scope']))
    return from.interactionFinished(request, response, { consent: { grantId: await grant.save() } })
  }

  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url, state, register }
}

/** A browser as far as this needs one: cookies per origin, redirects by hand. */
export function createBrowser() {
  const jars = new Map<string, Map<string, string>>()
  const jar = (url: string) => {
    const { origin } = new URL(url)
    const known = jars.get(origin) ?? new Map<string, string>()
    jars.set(origin, known)
    return known
  }
  return {
    jar,
    /** One request; no redirect is followed. */
    async request(
      url: string,
      init: { method?: string; form?: Record<string, string>; headers?: Record<string, string> } = {},
    ) {
      const cookies = [...jar(url)].map(([name, value]) => `${name}=${value}`).join('; ')
      const response = await fetch(url, {
        method: init.method ?? 'GET',
        redirect: 'manual',
        headers: { ...(cookies === '' ? {} : { cookie: cookies }), ...init.headers },
        ...(init.form === undefined ? {} : { body: new URLSearchParams(init.form) }),
      })
      for (const line of response.headers.getSetCookie()) {
        const [pair = ''] = line.split(';')
        const name = pair.slice(0, pair.indexOf('='))
        if (/max-age=0|expires=thu, 01 jan 1970/i.test(line)) jar(url).delete(name)
        else jar(url).set(name, pair.slice(name.length + 1))
      }
      const location = response.headers.get('location')
      return {
        response,
        location: location === null ? undefined : new URL(location, url).href,
        text: await response.text(),
      }
    },
    /** Follows redirects until one goes to where `stop` says, which is returned unvisited, or none comes. */
    async follow(url: string, stop: (url: string) => boolean = () => false) {
      let next = url
      for (let hops = 0; hops < 20; hops++) {
        if (stop(next)) return { url: next, text: '', status: 0 }
        const { response, location, text } = await this.request(next)
        if (location === undefined) return { url: next, text, status: response.status }
        next = location
      }
      throw new Error(`too many redirects: ${next}`)
    },
  }
}
