export interface AzureKey {
  readonly url: string
  /** What an access token for it is asked for. */
  readonly scope: string
}

/** A key of a vault `https://NAME.vault.azure.net`. */
export function azureKey(vaultUrl: string, name: string): AzureKey {
  const vault = vaultUrl.replace(/\/+$/, '')
  // Of a sovereign cloud it is another one: vault.azure.cn, vault.usgovcloudapi.net, managedhsm.azure.net.
  const suffix = new URL(vault).hostname.split('.').slice(1).join('.')
  const host = suffix === '' || /^[\d.]+$/.test(suffix) ? 'vault.azure.net' : suffix
  return { url: `${vault}/keys/${name}`, scope: `https://${host}/.default` }
}
