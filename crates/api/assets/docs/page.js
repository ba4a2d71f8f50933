// RapiDoc sends a request even if a path parameter is empty. Asks for the parameter instead.
document.querySelector('rapi-doc').addEventListener('before-try', ({ detail }) => {
  if (new URL(detail.request.url).pathname.endsWith('/')) {
    detail.controller.abort();
    window.alert('Enter the id or the serial number of the path first.');
  }
});
