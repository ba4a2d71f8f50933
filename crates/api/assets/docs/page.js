// RapiDoc sends a request even if a path parameter is empty. Asks for the parameter instead.
document.querySelector('rapi-doc').addEventListener('before-try', ({ detail }) => {
  const { pathname } = new URL(detail.request.url, location.href);
  if (pathname !== '/' && (pathname.endsWith('/') || pathname.includes('//'))) {
    detail.controller.abort();
    window.alert('Enter the id or the serial number of the path first.');
  }
});
